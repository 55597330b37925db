// Package apikey makes and reads API keys: "wk_<id>_<secret>". The hub keeps an id and the SHA-256 of a secret, whose 160
// random bits need no slower hash.
package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"strings"

	"weir/proto/fault"
)

const prefix = "wk_"

// Bytes of randomness; both are multiples of 5, so that base 32 has no padding.
const (
	idBytes     = 10
	secretBytes = 20
)

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// A Key is an API key in its parts.
type Key struct{ ID, Secret string }

// New makes a key.
func New() Key {
	var id [idBytes]byte
	var secret [secretBytes]byte
	_, _ = rand.Read(id[:]) // never fails
	_, _ = rand.Read(secret[:])
	return Key{ID: encoding.EncodeToString(id[:]), Secret: encoding.EncodeToString(secret[:])}
}

// String returns the key as its owner writes it. It must not be logged.
func (k Key) String() string { return prefix + k.ID + "_" + k.Secret }

// Hash returns what the hub keeps of the secret.
func (k Key) Hash() []byte {
	h := sha256.Sum256([]byte(k.Secret))
	return h[:]
}

// Matches reports whether this is the secret that was hashed, in constant time.
func (k Key) Matches(hash []byte) bool { return subtle.ConstantTimeCompare(k.Hash(), hash) == 1 }

// Parse reads a key. The error is a *fault.Fault with code unauthenticated, and never has the key.
func Parse(s string) (Key, error) {
	rest, ok := strings.CutPrefix(s, prefix)
	id, secret, parted := strings.Cut(rest, "_")
	if !ok || !parted || len(id) != encoding.EncodedLen(idBytes) || len(secret) != encoding.EncodedLen(secretBytes) {
		return Key{}, fault.New(fault.Unauthenticated, "this is no API key").
			WithHint("an API key looks like wk_ID_SECRET; send it as \"Authorization: Bearer wk_...\"")
	}
	return Key{ID: id, Secret: secret}, nil
}
