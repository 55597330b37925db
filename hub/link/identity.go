package link

import (
	"crypto/tls"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/quic-go/quic-go"

	"weir/hub/ca"
	"weir/hub/internal/linkwire"
)

// Folder is where a hub's certificates are in its data folder.
const Folder = "link"

// An Identity is who a hub is on the link and whom it believes.
type Identity struct {
	certificates *ca.Identity
	resetKey     quic.StatelessResetKey
}

// EnsureIdentity reads the certificates in dir/link of the hub called node, and makes those that are missing or soon to
// expire as far as the region's authority is there, too: see ca.Ensure.
func EnsureIdentity(dir, node string, now time.Time, log *slog.Logger) (*Identity, error) {
	dir = filepath.Join(dir, Folder)
	if err := ca.Ensure(dir, node, now, log); err != nil {
		return nil, err
	}
	certificates, err := ca.Open(ca.Config{Dir: dir, Role: ca.Hub, Logger: log})
	if err != nil {
		return nil, err
	}
	return NewIdentity(certificates)
}

// NewIdentity makes a hub's certificates its identity on the link.
func NewIdentity(certificates *ca.Identity) (*Identity, error) {
	key, err := certificates.ResetKey("link")
	if err != nil {
		return nil, err
	}
	return &Identity{certificates: certificates, resetKey: key}, nil
}

// Certificates returns the identity's certificates, which a hub also shows to the other nodes of its region.
func (i *Identity) Certificates() *ca.Identity { return i.certificates }

// serverTLS returns how a hub shows who it is and whom it lets in: edges, and other hubs.
func (i *Identity) serverTLS() *tls.Config {
	return i.certificates.Server(linkwire.Protocol, ca.Edge, ca.Hub)
}

// ClientTLS returns how an edge, or a hub, shows who it is and whom it takes for a hub. It follows the certificates.
func ClientTLS(certificates *ca.Identity) *tls.Config {
	return certificates.Client(linkwire.Protocol, ca.Name{Role: ca.Hub}) // which hub it is does not matter, that it is one does
}

// EdgeTLS is ClientTLS for the edge whose certificates are in dir, as they are now.
func EdgeTLS(dir string) (*tls.Config, error) {
	certificates, err := ca.Open(ca.Config{Dir: dir, Role: ca.Edge})
	if err != nil {
		return nil, err
	}
	return ClientTLS(certificates), nil
}
