package token_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"weir/edge/token"
	"weir/proto/weirpb"
)

// now is when the tests run.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwks are private keys of each kind, made from fixed numbers.
func jwks(t testing.TB) map[string]map[string]string {
	t.Helper()
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(i + 1)
	}
	ec, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), secret)
	if err != nil {
		t.Fatal(err)
	}
	point, err := ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	ed := ed25519.NewKeyFromSeed(secret)
	return map[string]map[string]string{
		token.HS256: {"kty": "oct", "kid": "k-hs", "alg": "HS256", "k": encode(secret)},
		token.ES256: {
			"kty": "EC", "crv": "P-256", "kid": "k-es", "alg": "ES256",
			"d": encode(secret), "x": encode(point[1:33]), "y": encode(point[33:]),
		},
		token.EdDSA: {
			"kty": "OKP", "crv": "Ed25519", "kid": "k-ed", "alg": "EdDSA",
			"d": encode(secret), "x": encode(ed.Public().(ed25519.PublicKey)),
		},
	}
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// privateKey returns the key for an algorithm.
func privateKey(t testing.TB, algorithm string) *token.PrivateKey {
	t.Helper()
	key, err := token.ParseJWK(marshal(t, jwks(t)[algorithm]))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// finder knows all keys, for the tenant "acme".
func finder(t testing.TB) token.KeyFinder {
	t.Helper()
	keys := make(map[string]*weirpb.SigningKey)
	for _, algorithm := range []string{token.HS256, token.ES256, token.EdDSA} {
		key := privateKey(t, algorithm)
		signing, err := key.SigningKey("acme")
		if err != nil {
			t.Fatal(err)
		}
		keys[key.ID()] = signing
	}
	return func(tenant, keyID string) *weirpb.SigningKey {
		if tenant != "acme" {
			return nil
		}
		return keys[keyID]
	}
}

func edit(jwk map[string]string, member, value string) map[string]string {
	edited := make(map[string]string, len(jwk))
	for k, v := range jwk {
		edited[k] = v
	}
	if value == "" {
		delete(edited, member)
	} else {
		edited[member] = value
	}
	return edited
}

func bigBytes(n int64) string { return encode(big.NewInt(n).FillBytes(make([]byte, 32))) }
