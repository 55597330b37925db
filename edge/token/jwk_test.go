package token_test

import (
	"fmt"
	"strings"
	"testing"

	"weir/edge/token"
)

func TestParseJWKRefuses(t *testing.T) {
	keys := jwks(t)
	hs, es, ed := keys[token.HS256], keys[token.ES256], keys[token.EdDSA]
	tests := map[string]struct {
		jwk  any
		want string
	}{
		"not an object":         {"key", "no JSON Web Key"},
		"member of wrong type":  {map[string]any{"kty": 1}, "no JSON Web Key"},
		"not base64url":         {edit(hs, "k", "a+/="), "no JSON Web Key"},
		"no kid":                {edit(hs, "kid", ""), "kid"},
		"long kid":              {edit(hs, "kid", strings.Repeat("x", 129)), "kid"},
		"unknown kind":          {edit(hs, "kty", "RSA"), "none of the kinds"},
		"no kind":               {edit(hs, "kty", ""), "none of the kinds"},
		"other curve":           {edit(es, "crv", "P-384"), "none of the kinds"},
		"short secret":          {edit(hs, "k", encode(make([]byte, 31))), "shorter than 32"},
		"no secret":             {edit(hs, "k", ""), "missing"},
		"public EC":             {edit(es, "d", ""), "public key can't sign"},
		"EC zero":               {edit(es, "d", bigBytes(0)), "no P-256 private key"},
		"EC other point":        {edit(es, "x", bigBytes(5)), "do not belong"},
		"public OKP":            {edit(ed, "d", ""), "public key can't sign"},
		"OKP other point":       {edit(ed, "x", bigBytes(5)), "does not belong"},
		"algorithm of another":  {edit(ed, "alg", "ES256"), "another than EdDSA"},
		"symmetric with RS256":  {edit(hs, "alg", "RS256"), "another than HS256"},
		"HS256 with EC's curve": {edit(es, "kty", "oct"), "missing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			key, err := token.ParseJWK(marshal(t, tt.jwk))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("ParseJWK = %v, %v, want an error with %q", key, err, tt.want)
			}
		})
	}
}

func TestParseJWKAcceptsFullySpecifiedAlgorithm(t *testing.T) {
	// RFC 9864, section 2.2, gives EdDSA over Ed25519 a name of its own.
	if _, err := token.ParseJWK(marshal(t, edit(jwks(t)[token.EdDSA], "alg", "Ed25519"))); err != nil {
		t.Fatal(err)
	}
}

func TestPrivateKeyPrintsNoSecret(t *testing.T) {
	for algorithm, jwk := range jwks(t) {
		key := privateKey(t, algorithm)
		printed := fmt.Sprintf("%v %+v %#v %s", key, key, key, key)
		want := fmt.Sprintf("%s key %q", algorithm, jwk["kid"])
		if printed != strings.Join([]string{want, want, want, want}, " ") {
			t.Errorf("prints as %s", printed)
		}
	}
}

func FuzzParseJWK(f *testing.F) {
	for _, jwk := range jwks(f) {
		f.Add(marshal(f, jwk))
	}
	f.Add([]byte(`{"kty":"EC","crv":"P-256","kid":"a","d":"AA"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := token.ParseJWK(data)
		if err != nil {
			return
		}
		if _, err := key.SigningKey("acme"); err != nil {
			t.Fatalf("a key that was accepted has no public part: %v", err)
		}
		signed, err := token.Mint(&token.Claims{Tenant: "acme", Subject: "ann", Expires: now}, key)
		if err != nil {
			t.Fatalf("a key that was accepted can't sign: %v", err)
		}
		if signed == "" {
			t.Fatal("empty token")
		}
	})
}
