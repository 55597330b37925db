package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// A Request says what certificate is wanted.
type Request struct {
	Name Name
	// Hosts are names and addresses of machines that the certificate shall be good for besides, for tools that look at
	// those. weir itself does not.
	Hosts []string
	// Life is how long the certificate is valid; at most until the authority expires.
	Life time.Duration
}

// Issue makes a certificate and its key and puts them into the folder out, with the authorities that its holder shall
// believe: all that a node of that role needs.
func (a *Authority) Issue(out string, r Request, now time.Time) (*x509.Certificate, error) {
	if err := r.Name.Check(); err != nil {
		return nil, err
	}
	authority := a.certificates[0]
	if !now.Before(authority.NotAfter) {
		return nil, &Error{
			Message: "the authority has expired at " + stamp(authority.NotAfter),
			Hint:    `make a new one with "weir ca rotate begin"`, cause: ErrExpired,
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	certificate, err := sign(template(r, authority, now), authority, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	if err := a.write(out, r.Name.Role, certificate, key); err != nil {
		return nil, err
	}
	return certificate, a.record(r.Name, certificate)
}

func template(r Request, authority *x509.Certificate, now time.Time) *x509.Certificate {
	t := &x509.Certificate{
		Subject:   pkix.Name{CommonName: string(r.Name.Role) + " " + r.Name.Node},
		NotBefore: now.Add(-skew), NotAfter: earlier(now.Add(r.Life), authority.NotAfter),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	t.URIs = append(t.URIs, r.Name.uri())
	t.DNSNames = append(t.DNSNames, r.Name.Role.host())
	if r.Name.Role == Hub {
		t.ExtKeyUsage = append(t.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, host := range r.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	return t
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// write puts the certificate last: where it is, all that belongs to it is.
func (a *Authority) write(out string, role Role, certificate *x509.Certificate, key *ecdsa.PrivateKey) error {
	if err := os.MkdirAll(out, 0o700); err != nil {
		return fmt.Errorf("make the folder for a certificate: %w", err)
	}
	encoded, err := encodeKeys(key)
	if err != nil {
		return err
	}
	if !sameFolder(out, a.dir) {
		if err := replace(filepath.Join(out, FileCA), encodeCertificates(a.certificates...), 0o644); err != nil {
			return err
		}
	}
	if err := replace(filepath.Join(out, KeyFile(role)), encoded, 0o600); err != nil {
		return err
	}
	return replace(filepath.Join(out, CertificateFile(role)), encodeCertificates(certificate), 0o644)
}

func sameFolder(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
