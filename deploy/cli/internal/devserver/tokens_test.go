package devserver

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"weir/edge/token"
	"weir/proto/weirpb"
)

// testKey is a signing key that is good for nothing else.
func testKey(t *testing.T) *token.PrivateKey {
	t.Helper()
	key, err := token.ParseJWK([]byte(`{"kty":"oct","kid":"k1","alg":"HS256","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}`))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestTokensMayDoEverythingInTheTenant(t *testing.T) {
	key := testKey(t)
	m := &minter{key: key, ttl: time.Hour}
	now := time.Now()
	signed, err := m.mint("ada", now)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.SigningKey(Tenant)
	if err != nil {
		t.Fatal(err)
	}
	find := func(string, string) *weirpb.SigningKey { return public }
	claims, err := token.Verify(signed, find, now)
	if err != nil {
		t.Fatal(err)
	}
	if !claims.CanPublish("chat:room-1") || !claims.CanSubscribe("flights") || claims.Subject != "ada" {
		t.Errorf("claims %+v", claims)
	}
}

func TestTokensAreRenewedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &minter{key: testKey(t), ttl: time.Hour}
		ctx, cancel := context.WithCancel(t.Context())
		renewed := 0
		done := make(chan error, 1)
		go func() {
			done <- m.renew(ctx, "ada", func(string) error {
				renewed++
				return nil
			})
		}()
		time.Sleep(2*time.Hour + time.Minute)
		synctest.Wait()
		if renewed != 4 {
			t.Errorf("renewed %d times in two hours, want 4", renewed)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestRenewalFailureIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &minter{key: testKey(t), ttl: time.Hour}
		full := errors.New("no space left")
		if err := m.renew(t.Context(), "ada", func(string) error { return full }); !errors.Is(err, full) {
			t.Errorf("error %v", err)
		}
	})
}
