package signingkey_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"

	"weir/hub/internal/signingkey"
	"weir/proto/fault"
)

// parts decodes a JSON Web Key's members.
func parts(t *testing.T, private string) (members map[string]string, raw func(string) []byte) {
	t.Helper()
	if err := json.Unmarshal([]byte(private), &members); err != nil {
		t.Fatal(err)
	}
	return members, func(called string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(members[called])
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func generate(t *testing.T, algorithm string) ([]byte, string) {
	t.Helper()
	verifier, private, err := signingkey.Generate(algorithm, "k1")
	if err != nil {
		t.Fatal(err)
	}
	return verifier, private
}

func TestEdDSA(t *testing.T) {
	verifier, private := generate(t, signingkey.EdDSA)
	m, raw := parts(t, private)
	public, err := x509.ParsePKIXPublicKey(verifier)
	if err != nil {
		t.Fatal(err)
	}
	signed := ed25519.Sign(ed25519.NewKeyFromSeed(raw("d")), []byte("m"))
	if !ed25519.Verify(public.(ed25519.PublicKey), []byte("m"), signed) || !bytes.Equal(raw("x"), public.(ed25519.PublicKey)) {
		t.Error("the parts do not belong together")
	}
	if m["kty"] != "OKP" || m["crv"] != "Ed25519" || m["kid"] != "k1" || m["alg"] != "EdDSA" {
		t.Errorf("the key is a %s of %s, %s, %s", m["kty"], m["crv"], m["kid"], m["alg"])
	}
}

func TestES256(t *testing.T) {
	verifier, private := generate(t, signingkey.ES256)
	m, raw := parts(t, private)
	public, err := x509.ParsePKIXPublicKey(verifier)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw("d"))
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("m"))
	signed, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil || !ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), digest[:], signed) {
		t.Error("the parts do not belong together", err)
	}
	x, y := new(big.Int).SetBytes(raw("x")), new(big.Int).SetBytes(raw("y"))
	whole, err := public.(*ecdsa.PublicKey).Bytes()
	if err != nil || x.Cmp(new(big.Int).SetBytes(whole[1:33])) != 0 || y.Cmp(new(big.Int).SetBytes(whole[33:])) != 0 {
		t.Error("the point is another", err)
	}
	if m["kty"] != "EC" || m["crv"] != "P-256" || len(raw("d")) != 32 {
		t.Errorf("the key is a %s of %s", m["kty"], m["crv"])
	}
}

func TestHS256(t *testing.T) {
	verifier, private := generate(t, signingkey.HS256)
	m, raw := parts(t, private)
	if !bytes.Equal(raw("k"), verifier) || len(verifier) != 32 || m["kty"] != "oct" {
		t.Errorf("the key is a %s of %d bytes", m["kty"], len(verifier))
	}
}

func TestPublicKeys(t *testing.T) {
	ed, _ := generate(t, signingkey.EdDSA)
	ec, _ := generate(t, signingkey.ES256)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(public any) []byte {
		b, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	inPEM := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	for _, c := range []struct {
		called, algorithm string
		key               []byte
		ok                bool
	}{
		{"Ed25519", signingkey.EdDSA, ed, true},
		{"Ed25519 in PEM", signingkey.EdDSA, inPEM("PUBLIC KEY", ed), true},
		{"P-256", signingkey.ES256, ec, true},
		{"P-256 for EdDSA", signingkey.EdDSA, ec, false},
		{"Ed25519 for ES256", signingkey.ES256, ed, false},
		{"P-384", signingkey.ES256, encode(&p384.PublicKey), false},
		{"RSA", signingkey.ES256, encode(&rsaKey.PublicKey), false},
		{"a private key's PEM", signingkey.EdDSA, inPEM("PRIVATE KEY", ed), false},
		{"a secret", signingkey.HS256, []byte("secret"), false},
		{"noise", signingkey.EdDSA, []byte("noise"), false},
	} {
		got, err := signingkey.ParsePublic(c.algorithm, c.key)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, fault.New(fault.InvalidArgument, "")) {
			t.Errorf("%s: %v", c.called, err)
		}
		if c.ok && !bytes.Equal(got, ed) && !bytes.Equal(got, ec) {
			t.Errorf("%s is read as another key", c.called)
		}
	}
	if signingkey.Check("none") == nil || signingkey.Check("RS256") == nil || signingkey.Check(signingkey.ES256) != nil {
		t.Error("the algorithms are others")
	}
}

func FuzzParsePublic(f *testing.F) {
	key, _, err := signingkey.Generate(signingkey.EdDSA, "k")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key)
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: key}))
	f.Fuzz(func(t *testing.T, key []byte) {
		if der, err := signingkey.ParsePublic(signingkey.EdDSA, key); err == nil {
			if _, err := signingkey.ParsePublic(signingkey.EdDSA, der); err != nil {
				t.Errorf("what was read can't be: %v", err)
			}
		}
	})
}
