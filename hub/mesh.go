package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"weir/hub/ca"
	"weir/hub/internal/mesh"
)

// A MeshConfig says how a node reaches the others of its region over QUIC.
type MeshConfig struct {
	// Node is this node's name, the one in its certificate.
	Node     string
	Identity *ca.Identity
	// Conn is the socket, which is closed with the hub.
	Conn   net.PacketConn
	Logger *slog.Logger
	// Registerer receives the metrics of internal/mesh/METRICS.md. Nil: none are exported.
	Registerer prometheus.Registerer
}

// Mesh returns a Config.Connect that joins the nodes over QUIC.
func Mesh(c MeshConfig) func(resolve func(node string) (addr string, ok bool)) (Transport, error) {
	return func(resolve func(node string) (addr string, ok bool)) (Transport, error) {
		t := &meshTransport{served: make(chan error, 1)}
		m, err := mesh.New(mesh.Config{
			Node: c.Node, Identity: c.Identity, Address: resolve, Admit: t.mayOpen,
			Incarnation: t.self, Recognise: t.known, Logger: c.Logger, Registerer: c.Registerer,
		})
		if err != nil {
			return nil, errors.Join(err, c.Conn.Close())
		}
		ctx, stop := context.WithCancel(context.Background())
		t.Mesh, t.stop = m, stop
		go func() { t.served <- m.Serve(ctx, c.Conn) }()
		return t, nil
	}
}

// A meshTransport is a mesh that serves until it is closed.
type meshTransport struct {
	*mesh.Mesh
	stop   context.CancelFunc
	served chan error
	admit  atomic.Pointer[func(node string, group uint32) error]
	// incarnation and recognise are what Introduce was given.
	incarnation atomic.Pointer[string]
	recognise   atomic.Pointer[func(node, incarnation string) error]
}

// Introduce has the node say its incarnation to others, and each connection with another be asked for.
func (t *meshTransport) Introduce(incarnation string, recognise func(node, incarnation string) error) {
	t.incarnation.Store(&incarnation)
	t.recognise.Store(&recognise)
}

func (t *meshTransport) self() string {
	if s := t.incarnation.Load(); s != nil {
		return *s
	}
	return ""
}

func (t *meshTransport) known(node, incarnation string) error {
	if recognise := t.recognise.Load(); recognise != nil {
		return (*recognise)(node, incarnation)
	}
	return nil
}

// Admit has each stream that another node opens for a Raft group be asked for.
func (t *meshTransport) Admit(admit func(node string, group uint32) error) { t.admit.Store(&admit) }

func (t *meshTransport) mayOpen(node string, group uint32) error {
	if admit := t.admit.Load(); admit != nil {
		return (*admit)(node, group)
	}
	return nil
}

// Close ends the connections to other nodes.
func (t *meshTransport) Close() error {
	t.stop()
	if err := <-t.served; err != nil {
		return fmt.Errorf("mesh: %w", err)
	}
	return nil
}
