package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Browsers accept a certificate by its hash only if it is valid for at most 14 days in all and uses ECDSA with P-256
// (W3C WebTransport, section 6.9).
const (
	// devBackdate makes a new certificate valid for clocks that are behind ours.
	devBackdate = time.Hour
	// devLifetime is how long a new certificate is valid from now on. With devBackdate it stays well below 14 days.
	devLifetime = 12 * 24 * time.Hour
	// devRenewal is how long before its end a certificate is replaced: a page that was given the hash then has that
	// long before it must ask again.
	devRenewal = 2 * 24 * time.Hour
)

// Names of the files that Dev keeps.
const (
	devCertificateFile = "localhost.crt"
	devKeyFile         = "localhost.key"
)

// Dev is a self-made certificate for this machine: localhost, 127.0.0.1 and ::1. It is kept in a folder, so that pages
// that know its hash survive a restart, and renewed before it ends. It is safe for concurrent use.
type Dev struct {
	dir    string
	logger *slog.Logger
	now    func() time.Time

	mu      sync.Mutex
	current *tls.Certificate // guarded by mu
}

// OpenDev returns the certificate kept in dir, which is made if need be, with a new certificate if there is none that
// serves.
func OpenDev(dir string, logger *slog.Logger) (*Dev, error) { return openDev(dir, logger, time.Now) }

func openDev(dir string, logger *slog.Logger, now func() time.Time) (*Dev, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for the development certificate: %w", err)
	}
	d := &Dev{dir: dir, logger: logger, now: now}
	if kept, err := tls.LoadX509KeyPair(d.CertificateFile(), filepath.Join(dir, devKeyFile)); err == nil {
		d.current = &kept
	} else if !errors.Is(err, os.ErrNotExist) {
		logger.Warn("the development certificate can't be read and is made anew", "dir", dir, "err", err)
	}
	if _, err := d.certificate(); err != nil {
		return nil, err
	}
	return d, nil
}

// CertificateFile returns the path of the certificate in PEM, for clients that trust it by file.
func (d *Dev) CertificateFile() string { return filepath.Join(d.dir, devCertificateFile) }

// GetCertificate is for tls.Config.
func (d *Dev) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) { return d.certificate() }

// Hash returns the hash of the certificate that the next handshake shows.
func (d *Dev) Hash() (string, error) {
	certificate, err := d.certificate()
	if err != nil {
		return "", err
	}
	return Hash(certificate), nil
}

// certificate returns the current certificate, which it first renews if need be.
func (d *Dev) certificate() (*tls.Certificate, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if d.current != nil && serves(d.current.Leaf, now) {
		return d.current, nil
	}
	renewed, err := d.renew(now)
	if err == nil {
		d.current = renewed
		d.logger.Info("made a development certificate", "sha256", Hash(renewed), "expires", renewed.Leaf.NotAfter)
		return renewed, nil
	}
	if d.current != nil && now.Before(d.current.Leaf.NotAfter) {
		d.logger.Error("the development certificate can't be renewed", "expires", d.current.Leaf.NotAfter, "err", err)
		return d.current, nil
	}
	return nil, err
}

func serves(leaf *x509.Certificate, now time.Time) bool {
	return !now.Before(leaf.NotBefore) && now.Before(leaf.NotAfter.Add(-devRenewal))
}

func (d *Dev) renew(now time.Time) (*tls.Certificate, error) {
	certificatePEM, keyPEM, err := makeDev(now)
	if err != nil {
		return nil, fmt.Errorf("make a development certificate: %w", err)
	}
	// Should only the first be written, the two do not belong together and are made anew next time.
	if err := writeFile(filepath.Join(d.dir, devKeyFile), keyPEM, 0o600); err != nil {
		return nil, err
	}
	if err := writeFile(d.CertificateFile(), certificatePEM, 0o644); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificatePEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("make a development certificate: %w", err)
	}
	return &pair, nil
}

// makeDev returns a new certificate and its key, each in PEM.
func makeDev(now time.Time) (certificatePEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "weir development"},
		NotBefore:    now.Add(-devBackdate),
		NotAfter:     now.Add(devLifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
