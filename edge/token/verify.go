package token

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"weir/proto/fault"
	"weir/proto/name"
	"weir/proto/weirpb"
)

// leeway is how far the clocks of the tenant's backend and of an edge may differ: machines that keep their clocks at all
// are within it.
const leeway = 10 * time.Second

// maxToken is the longest token that is looked at, in bytes; a HELLO frame holds no longer one.
const maxToken = 16 << 10

// A KeyFinder returns a tenant's signing key, or nil if there is no such tenant or no such key. It may keep the key.
type KeyFinder func(tenant, keyID string) *weirpb.SigningKey

// Verify checks a token as of now and returns what it claims. Its errors are *fault.Fault: unauthenticated for what is no
// token, token_expired outside of its time, token_invalid for everything else. They never repeat the token.
func Verify(token string, find KeyFinder, now time.Time) (*Claims, error) {
	if token == "" {
		return nil, fault.New(fault.Unauthenticated, "there is no token").
			WithHint("mint one with your tenant's signing key, or with \"weir token\"")
	}
	if len(token) > maxToken {
		return nil, fault.New(fault.Unauthenticated, "the token has %d bytes, at most %d are allowed", len(token), maxToken).
			WithHint("use prefixes such as \"chat:*\" instead of long lists of channels")
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{HS256, ES256, EdDSA}),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(func() time.Time { return now }),
		jwt.WithStrictDecoding(),
	)
	wire := new(wireClaims)
	parsed, err := parser.ParseWithClaims(token, wire, func(t *jwt.Token) (any, error) { return keyOf(t, wire.Issuer, find) })
	if errors.Is(err, ErrUnknownKey) {
		return nil, cmp.Or(beside(wire, now), errUnknownKey)
	}
	if err != nil {
		return nil, explain(err, wire, now)
	}
	claims := wire.claims(parsed.Header["kid"].(string)) // keyOf has seen it
	if err := claims.check(); err != nil {
		return nil, fault.New(fault.TokenInvalid, "the token is signed, but %s", sentence(err)).
			WithHint("correct the claims where your backend mints the token").WithCause(err)
	}
	return claims, nil
}

// beside returns what is wrong with a token whatever its key is, nil if nothing is: what has expired is not worth looking for the
// key of.
func beside(wire *wireClaims, now time.Time) *fault.Fault {
	validator := jwt.NewValidator(
		jwt.WithExpirationRequired(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(func() time.Time { return now }),
	)
	if err := validator.Validate(wire); err != nil {
		return explain(err, wire, now)
	}
	return nil
}

// sentence returns what err says to people: for a fault, without its code.
func sentence(err error) string {
	if f, ok := errors.AsType[*fault.Fault](err); ok && err == error(f) {
		return f.Message
	}
	return err.Error()
}

// ErrUnknownKey is the cause where the key that a token names is not found, and its time is right: who may not have heard of the
// key yet can look again.
var ErrUnknownKey = errors.New("the signing key is not known")

// errUnknownKey is one answer for unknown tenants and unknown keys, so that nobody learns here which tenants there are.
var errUnknownKey = fault.New(fault.TokenInvalid, "the token's \"iss\" is no tenant, or its \"kid\" none of the tenant's signing keys").
	WithHint("a key that was revoked no longer verifies; see \"weir key list\"").WithCause(ErrUnknownKey)

// keyOf returns the key that must have signed t, in the form that its algorithm's verification takes.
func keyOf(t *jwt.Token, tenant string, find KeyFinder) (any, error) {
	// RFC 7515, section 4.1.11: whoever does not understand an extension that is critical must reject the token.
	if _, critical := t.Header["crit"]; critical {
		return nil, fault.New(fault.TokenInvalid, "the token's header has \"crit\", which is not supported").
			WithHint("mint it without extensions")
	}
	keyID, ok := t.Header["kid"].(string)
	if !ok || keyID == "" {
		return nil, fault.New(fault.TokenInvalid, "the token's header has no \"kid\"").
			WithHint("set it to the id of your tenant's signing key, see \"weir key list\"")
	}
	if name.CheckTenant(tenant) != nil {
		return nil, fault.New(fault.TokenInvalid, "the token's claim \"iss\" is no tenant").
			WithHint("set it to the name of your tenant")
	}
	var key *weirpb.SigningKey
	if len(keyID) <= maxKeyID {
		key = find(tenant, keyID)
	}
	if key == nil {
		return nil, errUnknownKey
	}
	if t.Method.Alg() != key.GetAlgorithm() {
		return nil, fault.New(fault.TokenInvalid, "the token's algorithm is %s, its signing key's is %s", t.Method.Alg(), key.GetAlgorithm()).
			WithHint("sign with the algorithm that the key was made for")
	}
	return verificationKey(key)
}

// verificationKey decodes a key as the control plane keeps it.
func verificationKey(key *weirpb.SigningKey) (any, error) {
	if key.GetAlgorithm() == HS256 {
		if len(key.GetKey()) < minSecret {
			return nil, fmt.Errorf("signing key %q is too short", key.GetId())
		}
		return key.GetKey(), nil
	}
	public, err := x509.ParsePKIXPublicKey(key.GetKey())
	if err != nil {
		return nil, fmt.Errorf("signing key %q: %w", key.GetId(), err)
	}
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		if key.GetAlgorithm() == ES256 && public.Curve == elliptic.P256() {
			return public, nil
		}
	case ed25519.PublicKey:
		if key.GetAlgorithm() == EdDSA {
			return public, nil
		}
	}
	return nil, fmt.Errorf("signing key %q is no key for %s", key.GetId(), key.GetAlgorithm())
}

// explain turns the parser's error into a fault. The parser's own words stay behind: they may quote what was in the token.
func explain(err error, claims *wireClaims, now time.Time) *fault.Fault {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f
	}
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return fault.New(fault.Unauthenticated, "the token is no JSON Web Token, or a claim is of the wrong type").
			WithHint("it has three parts with dots between them, each in base64url (RFC 7519); \"exp\" is a number of seconds")
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return fault.New(fault.TokenInvalid, "the token's signature is wrong, or its algorithm none of HS256, ES256 and EdDSA").
			WithHint("sign with the private part of the key that \"kid\" names")
	case errors.Is(err, jwt.ErrTokenExpired):
		return fault.New(fault.TokenExpired, "the token expired %s ago", now.Sub(claims.ExpiresAt.Time).Round(time.Second)).
			WithHint("fetch a new token; clocks may differ by %s", leeway)
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return fault.New(fault.TokenExpired, "the token is not valid yet, for another %s", claims.NotBefore.Sub(now).Round(time.Second)).
			WithHint("check the clock of the machine that minted it; clocks may differ by %s", leeway)
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return fault.New(fault.TokenInvalid, "the token's claim \"exp\" is missing").
			WithHint("every token must end; an hour is usual")
	}
	return fault.New(fault.TokenInvalid, "the token can't be verified").
		WithHint("its algorithm must be HS256, ES256 or EdDSA, and its key one of the tenant's")
}
