package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	// AuthorityLife is how long an authority is valid.
	AuthorityLife = 10 * 365 * 24 * time.Hour
	// skew is how far behind another machine's clock may be.
	skew = time.Hour
)

// An Authority issues a region's certificates. It lives in a folder: FileCA has the authorities that are believed, the
// issuing one first; FileCAKey has its key. While it is being rotated there are two.
type Authority struct {
	dir          string
	certificates []*x509.Certificate
	keys         []crypto.Signer
	key          crypto.Signer // the issuing authority's
}

// Create makes an authority in dir, which must not have one.
func Create(dir string, now time.Time) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the authority's folder: %w", err)
	}
	for _, name := range []string{FileCA, FileCAKey} {
		switch _, err := os.Stat(filepath.Join(dir, name)); {
		case err == nil:
			return nil, &Error{
				Message: fmt.Sprintf("there is a %s in %s already", name, dir),
				Hint:    `an authority is made once; to replace it, see "weir ca rotate"`, cause: fs.ErrExist,
			}
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("look for an authority: %w", err)
		}
	}
	a := &Authority{dir: dir}
	if err := a.add(now); err != nil {
		return nil, err
	}
	return a, nil
}

// Load reads the authority in dir.
func Load(dir string) (*Authority, error) {
	a := &Authority{dir: dir}
	var err error
	if a.certificates, err = readCertificates(filepath.Join(dir, FileCA)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &Error{
				Message: "there is no authority in " + dir, cause: err,
				Hint: `"weir ca init" makes one; --dir names the folder`,
			}
		}
		return nil, err
	}
	path := filepath.Join(dir, FileCAKey)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &Error{
			Message: "the authority's key can't be read: " + err.Error(), cause: err,
			Hint: "certificates are issued where " + FileCAKey + " is kept",
		}
	}
	if a.keys, err = parseKeys(text, path); err != nil {
		return nil, err
	}
	if a.key = a.keyOf(a.certificates[0]); a.key == nil {
		return nil, &Error{Message: fmt.Sprintf("%s does not have the key of the first authority in %s", path, FileCA)}
	}
	return a, nil
}

func (a *Authority) keyOf(certificate *x509.Certificate) crypto.Signer {
	for _, key := range a.keys {
		if samePublicKey(certificate, key) {
			return key
		}
	}
	return nil
}

// Certificates returns the authorities that are believed, the issuing one first.
func (a *Authority) Certificates() []*x509.Certificate { return slices.Clone(a.certificates) }

// Rotating reports whether more than one authority is believed.
func (a *Authority) Rotating() bool { return len(a.certificates) > 1 }

// BeginRotation makes a new authority, which issues from now on. The one before is believed until FinishRotation.
func (a *Authority) BeginRotation(now time.Time) error {
	if a.Rotating() {
		return &Error{
			Message: "the authority is being rotated already",
			Hint:    `"weir ca rotate finish" ends that; "weir ca status" shows where it stands`,
		}
	}
	return a.add(now)
}

// FinishRotation drops the authorities that issue no longer.
func (a *Authority) FinishRotation() error {
	if !a.Rotating() {
		return &Error{Message: "the authority is not being rotated", Hint: `"weir ca rotate begin" begins that`}
	}
	return a.save(a.certificates[:1], []crypto.Signer{a.key})
}

// add makes the authority that issues from now on.
func (a *Authority) add(now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the authority's key: %w", err)
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: authorityName(&key.PublicKey, now)},
		NotBefore: now.Add(-skew), NotAfter: now.Add(AuthorityLife),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	certificate, err := sign(template, template, key.Public(), key)
	if err != nil {
		return err
	}
	return a.save(append([]*x509.Certificate{certificate}, a.certificates...), append([]crypto.Signer{key}, a.keys...))
}

// authorityName tells authorities apart, also those of one day.
func authorityName(key *ecdsa.PublicKey, now time.Time) string {
	encoded, _ := key.Bytes() // fails for curves that have none
	sum := sha256.Sum256(encoded)
	return fmt.Sprintf("weir authority %x of %s", sum[:3], now.UTC().Format(time.DateOnly))
}

// save writes keys first when they are new, certificates first when they are dropped: after a crash in between there is
// a key too many, never one too few.
func (a *Authority) save(certificates []*x509.Certificate, keys []crypto.Signer) error {
	encoded, err := encodeKeys(keys...)
	if err != nil {
		return err
	}
	writes := []func() error{
		func() error { return replace(filepath.Join(a.dir, FileCAKey), encoded, 0o600) },
		func() error { return replace(filepath.Join(a.dir, FileCA), encodeCertificates(certificates...), 0o644) },
	}
	if len(keys) < len(a.keys) {
		slices.Reverse(writes)
	}
	for _, write := range writes {
		if err := write(); err != nil {
			return err
		}
	}
	a.certificates, a.keys, a.key = certificates, keys, keys[0]
	return nil
}

// sign makes a certificate from a template.
func sign(template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}
