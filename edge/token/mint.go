package token

import (
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// Mint returns a token, in compact serialisation, that makes the claims and is signed by key. Its KeyID is the key's,
// whatever claims say. It refuses claims that no edge would accept.
func Mint(claims *Claims, key *PrivateKey) (string, error) {
	if claims.Expires.IsZero() {
		return "", errors.New("mint a token: it must expire")
	}
	if err := claims.check(); err != nil {
		return "", fmt.Errorf("mint a token: %s", sentence(err))
	}
	t := jwt.NewWithClaims(jwt.GetSigningMethod(key.algorithm), claims.wire())
	t.Header["kid"] = key.id
	signed, err := t.SignedString(key.secret)
	if err != nil {
		return "", fmt.Errorf("mint a token with key %q: %w", key.id, err)
	}
	if len(signed) > maxToken {
		return "", fmt.Errorf("mint a token: it has %d bytes, at most %d are allowed", len(signed), maxToken)
	}
	return signed, nil
}
