package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"weir/proto/weirpb"
)

// minSecret is the length of the shortest HS256 secret, in bytes (RFC 7518, section 3.2).
const minSecret = 32

// A PrivateKey signs tokens. It prints as its id and algorithm.
type PrivateKey struct {
	id        string
	algorithm string
	secret    any // []byte, *ecdsa.PrivateKey or ed25519.PrivateKey
}

// ID returns the key's id, the "kid" of the tokens that it signs.
func (k *PrivateKey) ID() string { return k.id }

// Algorithm returns HS256, ES256 or EdDSA.
func (k *PrivateKey) Algorithm() string { return k.algorithm }

// String returns id and algorithm, so that a key in a log line gives nothing away.
func (k *PrivateKey) String() string { return fmt.Sprintf("%s key %q", k.algorithm, k.id) }

// GoString is String, for %#v.
func (k *PrivateKey) GoString() string { return k.String() }

// jwk is a JSON Web Key (RFC 7517, section 4) with the members for symmetric (RFC 7518, section 6.4), elliptic curve
// (section 6.2) and Edwards curve (RFC 8037, section 2) keys.
type jwk struct {
	KeyType   string `json:"kty"`
	KeyID     string `json:"kid"`
	Algorithm string `json:"alg"`
	Curve     string `json:"crv"`
	K         octets `json:"k"`
	D         octets `json:"d"`
	X         octets `json:"x"`
	Y         octets `json:"y"`
}

// octets are bytes in base64url without padding (RFC 7515, section 2).
type octets []byte

func (o *octets) UnmarshalText(text []byte) error {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil {
		return errors.New("a member is not base64url without padding") // without what it is: it may be the secret
	}
	*o = decoded
	return nil
}

// ParseJWK reads a private JSON Web Key: what the hub gives when it makes a signing key. It must have "kid". The errors
// never repeat the key.
func ParseJWK(data []byte) (*PrivateKey, error) {
	var k jwk
	if err := json.Unmarshal(data, &k); err != nil {
		return nil, errors.New("the key is no JSON Web Key: it is not JSON, or a member is of the wrong type")
	}
	if k.KeyID == "" || len(k.KeyID) > maxKeyID {
		return nil, fmt.Errorf("the key has no \"kid\", or one longer than %d bytes", maxKeyID)
	}
	key := &PrivateKey{id: k.KeyID}
	var err error
	switch {
	case k.KeyType == "oct":
		key.algorithm = HS256
		key.secret, err = k.symmetric()
	case k.KeyType == "EC" && k.Curve == "P-256":
		key.algorithm = ES256
		key.secret, err = k.ecdsa()
	case k.KeyType == "OKP" && k.Curve == "Ed25519":
		key.algorithm = EdDSA
		key.secret, err = k.ed25519()
	default:
		return nil, errors.New("the key is none of the kinds that sign tokens: oct, EC with curve P-256, OKP with curve Ed25519")
	}
	if err != nil {
		return nil, err
	}
	if k.Algorithm != "" && k.Algorithm != key.algorithm && (k.Algorithm != "Ed25519" || key.algorithm != EdDSA) {
		return nil, fmt.Errorf("the key says that its algorithm is another than %s, which is the one for its kind", key.algorithm)
	}
	return key, nil
}

func (k *jwk) symmetric() (any, error) {
	if len(k.K) < minSecret {
		return nil, fmt.Errorf("the key's member \"k\" is missing or shorter than %d bytes", minSecret)
	}
	return []byte(k.K), nil
}

func (k *jwk) ecdsa() (any, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), k.D)
	if err != nil {
		return nil, errors.New("the key's member \"d\" is missing or no P-256 private key: a public key can't sign")
	}
	public, err := private.PublicKey.Bytes() // 4, x, y (SEC 1, section 2.3.3)
	if err != nil {
		return nil, errors.New("the key is no P-256 private key")
	}
	if string(public[1:33]) != string(k.X) || string(public[33:]) != string(k.Y) {
		return nil, errors.New("the key's members \"x\" and \"y\" do not belong to \"d\"")
	}
	return private, nil
}

func (k *jwk) ed25519() (any, error) {
	if len(k.D) != ed25519.SeedSize {
		return nil, errors.New("the key's member \"d\" is missing or not 32 bytes long: a public key can't sign")
	}
	private := ed25519.NewKeyFromSeed(k.D)
	if !private.Public().(ed25519.PublicKey).Equal(ed25519.PublicKey(k.X)) {
		return nil, errors.New("the key's member \"x\" does not belong to \"d\"")
	}
	return private, nil
}

// SigningKey returns what verifies the tokens of this key, as the control plane keeps it.
func (k *PrivateKey) SigningKey(tenant string) (*weirpb.SigningKey, error) {
	key := &weirpb.SigningKey{Tenant: tenant, Id: k.id, Algorithm: k.algorithm}
	switch secret := k.secret.(type) {
	case []byte:
		key.Key = secret
	case crypto.Signer:
		der, err := x509.MarshalPKIXPublicKey(secret.Public())
		if err != nil {
			return nil, fmt.Errorf("encode the public part of %s: %w", k, err)
		}
		key.Key = der
	}
	return key, nil
}
