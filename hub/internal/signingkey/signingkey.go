// Package signingkey makes and reads the keys that sign users' tokens: HS256, ES256 (RFC 7518) and EdDSA with Ed25519
// (RFC 8037).
package signingkey

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"

	"weir/proto/fault"
)

// Algorithms, as in a token's header.
const (
	HS256 = "HS256"
	ES256 = "ES256"
	EdDSA = "EdDSA"
)

// secretBytes is the length of an HS256 secret: that of its hash (RFC 7518, section 3.2).
const secretBytes = 32

// jwk is a JSON Web Key (RFC 7517) with its private part.
type jwk struct {
	Type      string `json:"kty"`
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	D         string `json:"d,omitempty"`
	K         string `json:"k,omitempty"`
}

// Check reports whether there is such an algorithm; the error is a *fault.Fault with code invalid_argument.
func Check(algorithm string) error {
	switch algorithm {
	case HS256, ES256, EdDSA:
		return nil
	}
	return fault.New(fault.InvalidArgument, "there is no algorithm %.16q for signing keys", algorithm).
		WithHint("use HS256, ES256 or EdDSA")
}

// Generate makes a key: what verifies (the secret of HS256, else the public key in PKIX, ASN.1 DER) and the JSON Web Key
// that signs.
func Generate(algorithm, id string) (verifier []byte, private string, err error) {
	key := jwk{ID: id, Algorithm: algorithm, Use: "sig"}
	switch algorithm {
	case HS256:
		verifier, err = generateHS256(&key)
	case ES256:
		verifier, err = generateES256(&key)
	case EdDSA:
		verifier, err = generateEdDSA(&key)
	default:
		err = Check(algorithm)
	}
	if err != nil {
		return nil, "", err
	}
	encoded, err := json.Marshal(key)
	return verifier, string(encoded), err
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func generateHS256(key *jwk) ([]byte, error) {
	secret := make([]byte, secretBytes)
	_, _ = rand.Read(secret) // never fails
	key.Type, key.K = "oct", b64(secret)
	return secret, nil
}

func generateES256(key *jwk) ([]byte, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	scalar, err := private.Bytes()
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	point, err := private.PublicKey.Bytes() // uncompressed: 4, x, y (SEC 1, section 2.3.3)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	half := (len(point) - 1) / 2
	key.Type, key.Curve, key.D = "EC", "P-256", b64(scalar)
	key.X, key.Y = b64(point[1:1+half]), b64(point[1+half:])
	return x509.MarshalPKIXPublicKey(&private.PublicKey)
}

func generateEdDSA(key *jwk) ([]byte, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	key.Type, key.Curve, key.X, key.D = "OKP", "Ed25519", b64(public), b64(private.Seed())
	return x509.MarshalPKIXPublicKey(public)
}

// ParsePublic reads a public key in PKIX, ASN.1 DER, or its PEM, for an algorithm, and returns its DER. The error is a
// *fault.Fault with code invalid_argument.
func ParsePublic(algorithm string, key []byte) ([]byte, error) {
	if algorithm == HS256 {
		return nil, refuse("HS256 has no public key", nil)
	}
	if block, _ := pem.Decode(key); block != nil {
		if block.Type != "PUBLIC KEY" {
			return nil, refuse("the PEM block is no \"PUBLIC KEY\"", nil)
		}
		key = block.Bytes
	}
	public, err := x509.ParsePKIXPublicKey(key)
	if err != nil {
		return nil, refuse("the public key can't be read", err)
	}
	switch public := public.(type) {
	case ed25519.PublicKey:
		if algorithm != EdDSA {
			return nil, refuse("the public key is an Ed25519 key, which "+algorithm+" can't use", nil)
		}
	case *ecdsa.PublicKey:
		if algorithm != ES256 || public.Curve != elliptic.P256() {
			return nil, refuse("ES256, and only it, uses keys on the curve P-256", nil)
		}
	default:
		return nil, refuse("the public key is of a kind that is not used here", nil)
	}
	return key, nil
}

func refuse(message string, cause error) error {
	return fault.New(fault.InvalidArgument, "%s", message).WithCause(cause).
		WithHint("give the public key of EdDSA or ES256 as PKIX, in DER or PEM, or none: then the server makes a key")
}
