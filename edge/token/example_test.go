package token_test

import (
	"fmt"
	"time"

	"weir/edge/token"
	"weir/proto/weirpb"
)

// A backend mints a token for one of its users; an edge verifies it with the tenant's signing key.
func Example() {
	key, err := token.ParseJWK([]byte(`{"kty":"oct","kid":"k1","alg":"HS256","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	minted, err := token.Mint(&token.Claims{
		Tenant: "acme", Subject: "ann", Expires: time.Now().Add(time.Hour),
		Subscribe: []string{"chat:*"}, Publish: []string{"chat:room-1"},
	}, key)
	if err != nil {
		fmt.Println(err)
		return
	}

	find := func(tenant, keyID string) *weirpb.SigningKey {
		signing, err := key.SigningKey(tenant)
		if err != nil || keyID != key.ID() {
			return nil
		}
		return signing
	}
	claims, err := token.Verify(minted, find, time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(claims.Tenant, claims.Subject, claims.CanSubscribe("chat:room-2"), claims.CanPublish("chat:room-2"))
	// Output: acme ann true false
}
