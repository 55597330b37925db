package link

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"weir/hub/internal/linkwire"
)

const (
	authorityLife = 20 * 365 * 24 * time.Hour
	// leafLife is long because nothing carries a new certificate to the edges but an operator.
	leafLife    = 5 * 365 * 24 * time.Hour
	renewBefore = 90 * 24 * time.Hour
	// skew is how far behind another machine's clock may be.
	skew = time.Hour
)

// issueAuthority makes a certificate authority in dir. Its certificate comes last: where it is, its key is.
func issueAuthority(dir string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("link: make the authority's key: %w", err)
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "weir link authority"},
		NotBefore: now.Add(-skew), NotAfter: now.Add(authorityLife),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	return issue(dir, FileCA, FileCAKey, template, template, key, key)
}

// issueLeaf makes a certificate that gives its holder a role.
func issueLeaf(dir string, authority tls.Certificate, role, certFile, keyFile string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("link: make a key: %w", err)
	}
	signer, ok := authority.PrivateKey.(crypto.Signer)
	if !ok {
		return fmt.Errorf("link: the authority's key can't sign")
	}
	usages := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if role == linkwire.RoleHub {
		usages = append(usages, x509.ExtKeyUsageServerAuth)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: role}, DNSNames: []string{role},
		NotBefore: now.Add(-skew), NotAfter: now.Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: usages, BasicConstraintsValid: true,
	}
	return issue(dir, certFile, keyFile, template, authority.Leaf, key, signer)
}

func issue(dir, certFile, keyFile string, template, parent *x509.Certificate, key *ecdsa.PrivateKey, signer crypto.Signer) error {
	certificate, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return fmt.Errorf("link: make the certificate %s: %w", certFile, err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("link: encode the key %s: %w", keyFile, err)
	}
	// A crash in between leaves a key without its certificate, which the next start replaces.
	if err := writePEM(filepath.Join(dir, keyFile), "PRIVATE KEY", private, 0o600); err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, certFile), "CERTIFICATE", certificate, 0o644)
}

// writePEM replaces the file at path as a whole or not at all.
func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return fmt.Errorf("link: %w", err)
	}
	defer os.Remove(f.Name()) // fails once renamed
	err = f.Chmod(mode)
	if err == nil {
		err = pem.Encode(f, &pem.Block{Type: kind, Bytes: der})
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
		return fmt.Errorf("link: write %s: %w", path, err)
	}
	return nil
}
