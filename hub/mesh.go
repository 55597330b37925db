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
			Node: c.Node, Identity: c.Identity, Address: resolve, Admit: t.mayOpen, Logger: c.Logger, Registerer: c.Registerer,
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
