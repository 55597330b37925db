package ca

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config says which identity to open. Dir and Role are required.
type Config struct {
	// Dir has FileCA, and the certificate and key of the role.
	Dir  string
	Role Role
	// Logger: nil is slog.Default().
	Logger *slog.Logger
}

// An Identity is who a process is to the others of its region, and whom it believes. It follows its files: what is put
// there while the process runs is used for all connections that are made from then on, and those that there are stay. It
// is safe for concurrent use.
type Identity struct {
	cfg     Config
	current atomic.Pointer[material]
	refused *prometheus.CounterVec
	reloads atomic.Uint64 // that were used
	failed  atomic.Uint64 // reloads that were not

	mu     sync.Mutex
	seen   [sha256.Size]byte // guarded by mu; of the files that were last looked at, used or not
	fault  error             // guarded by mu; why they can't be used
	warned time.Time         // guarded by mu; when a certificate was last said to expire
}

// material is what an identity's files held at one moment. It is immutable.
type material struct {
	name        Name
	certificate tls.Certificate
	authorities []*x509.Certificate
}

// Open reads an identity.
func Open(cfg Config) (*Identity, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	i := &Identity{cfg: cfg, refused: newRefused()}
	files, err := i.read()
	if err != nil {
		return nil, err
	}
	m, err := parse(files, cfg, time.Now())
	if err != nil {
		return nil, err
	}
	i.seen = files.sum()
	i.current.Store(m)
	i.warn(time.Now())
	return i, nil
}

// Name returns who this is.
func (i *Identity) Name() Name { return i.current.Load().name }

// Dir returns the folder that the identity is in.
func (i *Identity) Dir() string { return i.cfg.Dir }

// ResetKey returns a key for stateless resets (RFC 9000, section 10.3). It is derived from the identity's key, so it
// outlives a restart: peers are told at once that their connections are gone. Each use has a key of its own.
func (i *Identity) ResetKey(use string) ([32]byte, error) {
	key, ok := i.current.Load().certificate.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return [32]byte{}, &Error{Message: KeyFile(i.cfg.Role) + " is no ECDSA key"}
	}
	secret, err := key.Bytes()
	if err != nil {
		return [32]byte{}, fmt.Errorf("%s: %w", KeyFile(i.cfg.Role), err)
	}
	return sha256.Sum256(append([]byte("weir "+use+" stateless reset\x00"), secret...)), nil
}

// contents are the files of an identity as they are.
type contents struct{ authorities, certificate, key []byte }

func (c contents) sum() [sha256.Size]byte {
	h := sha256.New()
	for _, part := range [][]byte{c.authorities, c.certificate, c.key} {
		fmt.Fprintf(h, "%d\x00", len(part))
		h.Write(part)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (i *Identity) read() (c contents, err error) {
	for _, file := range []struct {
		name string
		into *[]byte
	}{{FileCA, &c.authorities}, {CertificateFile(i.cfg.Role), &c.certificate}, {KeyFile(i.cfg.Role), &c.key}} {
		if *file.into, err = os.ReadFile(filepath.Join(i.cfg.Dir, file.name)); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				err = &Error{
					Message: fmt.Sprintf("%s is missing in %s", file.name, i.cfg.Dir), cause: err,
					Hint: fmt.Sprintf(`"weir ca issue %s NAME --out DIR" makes what belongs there`, i.cfg.Role),
				}
			}
			return c, err
		}
	}
	return c, nil
}

// parse makes sure that what the files hold belongs together and is what peers will believe.
func parse(files contents, cfg Config, now time.Time) (*material, error) {
	m := &material{}
	var err error
	if m.authorities, err = parseCertificates(files.authorities, filepath.Join(cfg.Dir, FileCA)); err != nil {
		return nil, err
	}
	if m.certificate, err = tls.X509KeyPair(files.certificate, files.key); err != nil {
		return nil, &Error{
			Message: fmt.Sprintf("%s and %s in %s don't belong together: %v", CertificateFile(cfg.Role), KeyFile(cfg.Role), cfg.Dir, err),
			Hint:    "copy both from the same place", cause: err,
		}
	}
	m.name, err = verify([]*x509.Certificate{m.certificate.Leaf}, m.authorities, wanted{roles: []Role{cfg.Role}}, now)
	// An expired certificate is shown all the same: the peer's clock may be right where this one's is wrong.
	if err != nil && !errors.Is(err, ErrExpired) && !errors.Is(err, ErrNotYetValid) {
		return nil, fmt.Errorf("%s: %w", filepath.Join(cfg.Dir, CertificateFile(cfg.Role)), err)
	}
	if m.name == (Name{}) {
		m.name, err = NameOf(m.certificate.Leaf)
		return m, err
	}
	return m, nil
}
