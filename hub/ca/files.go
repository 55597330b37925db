package ca

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
)

// Files of certificates, all PEM. A folder of an authority has the first two; that of a node FileCA, and a certificate
// and key of its role.
const (
	FileCA    = "ca.pem"     // the authorities that are believed; the first is the one that issues
	FileCAKey = "ca-key.pem" // their keys, as far as they are here
)

// CertificateFile and KeyFile are where a node's certificate is: "hub.pem" and "hub-key.pem".
func CertificateFile(role Role) string { return string(role) + ".pem" }

// KeyFile is where the key of a node's certificate is.
func KeyFile(role Role) string { return string(role) + "-key.pem" }

const (
	blockCertificate = "CERTIFICATE"
	blockKey         = "PRIVATE KEY"
)

func readCertificates(path string) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	return parseCertificates(text, path)
}

// parseCertificates returns at least one certificate.
func parseCertificates(text []byte, path string) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != blockCertificate {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		found = append(found, certificate)
	}
	if len(found) == 0 {
		return nil, &Error{Message: path + " holds no certificate in PEM"}
	}
	return found, nil
}

func encodeCertificates(certificates ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, certificate := range certificates {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: certificate.Raw}))
	}
	return b.Bytes()
}

func parseKeys(text []byte, path string) ([]crypto.Signer, error) {
	var found []crypto.Signer
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != blockKey {
			continue
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, &Error{Message: path + " holds a key that can't sign"}
		}
		found = append(found, signer)
	}
	if len(found) == 0 {
		return nil, &Error{Message: path + " holds no private key in PEM"}
	}
	return found, nil
}

func encodeKeys(keys ...crypto.Signer) ([]byte, error) {
	var b bytes.Buffer
	for _, key := range keys {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, fmt.Errorf("encode a key: %w", err)
		}
		b.Write(pem.EncodeToMemory(&pem.Block{Type: blockKey, Bytes: der}))
	}
	return b.Bytes(), nil
}

// samePublicKey reports whether key is the one of a certificate.
func samePublicKey(certificate *x509.Certificate, key crypto.Signer) bool {
	public, ok := certificate.PublicKey.(*ecdsa.PublicKey)
	return ok && public.Equal(key.Public())
}

// replace writes a file as a whole or not at all.
func replace(path string, content []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(f.Name()) // fails once renamed
	err = f.Chmod(mode)
	if err == nil {
		_, err = f.Write(content)
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
