package edgeclient

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// tlsConfig returns the basis of TLS for both transports.
func (c *Config) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.TLS != nil {
		config = c.TLS.Clone()
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the authorities to trust: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the file %s holds no certificate in PEM", c.CAFile)
		}
	}
	if c.Insecure {
		config.InsecureSkipVerify = true
	}
	if len(c.CertificateHashes) > 0 {
		return config, pin(config, c.CertificateHashes)
	}
	return config, nil
}

// pin makes config trust the certificates with these hashes, and no others.
func pin(config *tls.Config, hashes []string) error {
	var pinned [][]byte
	for _, text := range hashes {
		hash, err := hex.DecodeString(text)
		if err != nil || len(hash) != sha256.Size {
			return fmt.Errorf("the certificate hash %q is not a SHA-256 in hexadecimal", text)
		}
		pinned = append(pinned, hash)
	}
	config.InsecureSkipVerify = true // by the usual rules; VerifyConnection has its own
	config.VerifyConnection = func(state tls.ConnectionState) error {
		leaf := state.PeerCertificates[0]
		sum := sha256.Sum256(leaf.Raw)
		if !slices.ContainsFunc(pinned, func(hash []byte) bool { return string(hash) == string(sum[:]) }) {
			return fmt.Errorf("the relay's certificate has another hash than those to trust: %x", sum)
		}
		if now := time.Now(); now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
			return errors.New("the relay's certificate has expired or is not valid yet")
		}
		return nil
	}
	return nil
}
