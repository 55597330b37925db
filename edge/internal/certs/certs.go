// Package certs provides the certificates that an edge shows: self-made ones for development, that a browser accepts by
// their hash, and those that an operator keeps in files.
package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// A Source gives the certificate for the next handshake. It is safe for concurrent use.
type Source interface {
	// GetCertificate is for tls.Config.
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

// Hash returns the SHA-256 of a certificate's DER form, in hexadecimal: what a page gives in serverCertificateHashes
// (W3C WebTransport, section 6.9).
func Hash(certificate *tls.Certificate) string {
	sum := sha256.Sum256(certificate.Certificate[0])
	return hex.EncodeToString(sum[:])
}

// writeFile replaces the file at path as a whole, so that nobody reads half of it and a crash leaves the old one.
func writeFile(path string, data []byte, mode os.FileMode) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = fill(temporary, data, mode)
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		os.Remove(temporary.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func fill(file *os.File, data []byte, mode os.FileMode) error {
	defer file.Close()
	if err := file.Chmod(mode); err != nil {
		return err
	}
	if _, err := file.Write(data); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return file.Close()
}
