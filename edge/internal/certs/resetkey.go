package certs

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// resetKeyFile is where ResetKey keeps the key.
const resetKeyFile = "reset.key"

// ResetKey returns the key of stateless resets (RFC 9000, section 10.3) that dir keeps, made if there is none. As it
// outlives the process, a server that was killed can tell its former clients at once that their connections are gone.
func ResetKey(dir string) (key [32]byte, err error) {
	path := filepath.Join(dir, resetKeyFile)
	text, err := os.ReadFile(path)
	if err == nil {
		decoded, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil || len(decoded) != len(key) {
			return key, fmt.Errorf("the stateless reset key %s is not 64 hexadecimal digits; remove it to get a new one", path)
		}
		copy(key[:], decoded)
		return key, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return key, fmt.Errorf("read the stateless reset key: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return key, fmt.Errorf("make the folder for the stateless reset key: %w", err)
	}
	rand.Read(key[:]) // never fails, as crypto/rand says
	return key, writeFile(path, []byte(hex.EncodeToString(key[:])+"\n"), 0o600)
}
