package link

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
	"slices"
	"time"

	"github.com/quic-go/quic-go"

	"weir/hub/internal/linkwire"
)

// Files of an identity, in the folder "link" of a hub's data folder.
const (
	Folder      = "link"
	FileCA      = "ca.pem"
	FileCAKey   = "ca-key.pem" // may be kept elsewhere once all certificates are made
	FileHub     = "hub.pem"
	FileHubKey  = "hub-key.pem"
	FileEdge    = "edge.pem"
	FileEdgeKey = "edge-key.pem"
)

// An Identity is who a hub is on the link and whom it believes.
type Identity struct {
	dir         string
	authorities *x509.CertPool
	hub         tls.Certificate
	resetKey    quic.StatelessResetKey
}

// EnsureIdentity reads the certificates in dir/link, and makes those that are missing or soon to expire: a certificate
// authority of this region's own, a certificate for hubs, and a bundle (FileCA, FileEdge, FileEdgeKey) that an operator
// copies to edges. Private keys are readable by their owner alone. What is there is never replaced while it is good.
func EnsureIdentity(dir string, now time.Time, log *slog.Logger) (*Identity, error) {
	i := &Identity{dir: filepath.Join(dir, Folder)}
	if err := os.MkdirAll(i.dir, 0o700); err != nil {
		return nil, fmt.Errorf("link: make the folder of certificates: %w", err)
	}
	if err := i.ensureAuthority(now, log); err != nil {
		return nil, err
	}
	for _, leaf := range []struct{ role, cert, key string }{
		{linkwire.RoleHub, FileHub, FileHubKey}, {linkwire.RoleEdge, FileEdge, FileEdgeKey},
	} {
		if err := i.ensureLeaf(leaf.role, leaf.cert, leaf.key, now, log); err != nil {
			return nil, err
		}
	}
	return i, i.load()
}

func (i *Identity) ensureAuthority(now time.Time, log *slog.Logger) error {
	missing, err := i.missing(FileCA)
	if err != nil || !missing {
		return err
	}
	for _, name := range []string{FileHub, FileEdge} {
		if absent, err := i.missing(name); err != nil || !absent {
			return errors.Join(err, fmt.Errorf("link: %s is missing but %s is there; restore %s, or remove the folder %s and give all edges new certificates",
				FileCA, name, FileCA, i.dir))
		}
	}
	log.Info("making a certificate authority for the hub link", "folder", i.dir)
	return issueAuthority(i.dir, now)
}

func (i *Identity) ensureLeaf(role, certFile, keyFile string, now time.Time, log *slog.Logger) error {
	missing, err := i.missing(certFile)
	if err != nil {
		return err
	}
	if !missing {
		pair, err := i.pair(certFile, keyFile)
		if err != nil {
			return err
		}
		left := pair.Leaf.NotAfter.Sub(now)
		if left > renewBefore {
			return nil
		}
		if keyGone, err := i.missing(FileCAKey); err != nil || keyGone {
			log.Warn("a certificate of the hub link expires and can't be renewed without the authority's key",
				"certificate", certFile, "expires", pair.Leaf.NotAfter, "missing", FileCAKey)
			return err
		}
	}
	authority, err := i.pair(FileCA, FileCAKey)
	if err != nil {
		return err
	}
	log.Info("making a certificate for the hub link", "certificate", certFile, "role", role)
	return issueLeaf(i.dir, authority, role, certFile, keyFile, now)
}

func (i *Identity) load() (err error) {
	if i.authorities, err = readPool(filepath.Join(i.dir, FileCA)); err != nil {
		return err
	}
	if i.hub, err = i.pair(FileHub, FileHubKey); err != nil {
		return err
	}
	key, ok := i.hub.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return fmt.Errorf("link: %s is no ECDSA key", filepath.Join(i.dir, FileHubKey))
	}
	secret, err := key.Bytes()
	if err != nil {
		return fmt.Errorf("link: %s: %w", FileHubKey, err)
	}
	// Derived from what outlives a restart, so that edges are told at once that their connection is gone (RFC 9000,
	// section 10.3).
	i.resetKey = sha256.Sum256(append([]byte("weir link stateless reset\x00"), secret...))
	return nil
}

func (i *Identity) missing(name string) (bool, error) {
	_, err := os.Stat(filepath.Join(i.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, err
}

func (i *Identity) pair(certFile, keyFile string) (tls.Certificate, error) {
	return readPair(i.dir, certFile, keyFile)
}

func readPair(dir, certFile, keyFile string) (tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, certFile), filepath.Join(dir, keyFile))
	if err != nil {
		return pair, fmt.Errorf("link: read the certificate %s with its key %s in %s: %w", certFile, keyFile, dir, err)
	}
	return pair, nil
}

func readPool(path string) (*x509.CertPool, error) {
	encoded, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("link: read the certificate authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(encoded) {
		return nil, fmt.Errorf("link: %s holds no certificate in PEM", path)
	}
	return pool, nil
}

// serverTLS returns how a hub shows who it is and whom it lets in: edges, and other hubs.
func (i *Identity) serverTLS() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{i.hub},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    i.authorities,
		NextProtos:   []string{linkwire.Protocol},
		MinVersion:   tls.VersionTLS13,
		VerifyConnection: func(state tls.ConnectionState) error {
			names := state.PeerCertificates[0].DNSNames
			if slices.Contains(names, linkwire.RoleEdge) || slices.Contains(names, linkwire.RoleHub) {
				return nil
			}
			return errors.New("the certificate gives neither the role of an edge nor that of a hub")
		},
		SessionTicketsDisabled: true, // a resumed session would outlive the certificate that it was opened with
	}
}

// EdgeTLS reads an edge's bundle (FileCA, FileEdge, FileEdgeKey) in dir and returns how the edge shows who it is and
// whom it takes for a hub.
func EdgeTLS(dir string) (*tls.Config, error) {
	authorities, err := readPool(filepath.Join(dir, FileCA))
	if err != nil {
		return nil, err
	}
	edge, err := readPair(dir, FileEdge, FileEdgeKey)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{edge},
		RootCAs:      authorities,
		ServerName:   linkwire.RoleHub, // which hub it is does not matter, that it is one does
		NextProtos:   []string{linkwire.Protocol},
		MinVersion:   tls.VersionTLS13,
	}, nil
}
