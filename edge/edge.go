// Package edge is a point of presence: it terminates clients, authenticates them, runs their tenants' filters and fans
// events out to them. It keeps nothing that a hub does not have, so an edge can be lost at any time.
package edge

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/edge/internal/transport"
	"weir/filters"
)

// Config says how to run a Server. Upstream and Filters are required.
type Config struct {
	// Upstream is the hub of the edge's region. It stays the caller's to close, after the Server.
	Upstream Upstream
	// Filters runs the tenants' modules. It stays the caller's to close, after the Server.
	Filters *filters.Engine
	// Agent is the name and version that clients are told: "weir/0.1.0".
	Agent string
	// Logger receives the edge's log. Nil: slog.Default().
	Logger *slog.Logger
	// Registerer receives the edge's metrics. Nil: a registry of its own.
	Registerer prometheus.Registerer
	// Limits bounds what the edge takes on.
	Limits Limits
}

// Limits bounds what one edge takes on. The zero value of a field is its default.
type Limits struct {
	// Sessions is the most clients at once. Default 100,000.
	Sessions int
	// TenantSessions is the most clients of one tenant at once. Default: as Sessions.
	TenantSessions int
	// Channels is the most channels that are followed at once. Default 10,000.
	Channels int
	// ChannelGroups is the most distinct combinations of filters and params on one channel at once. Default 10,000.
	ChannelGroups int
	// StateBytes bounds the memory of all state channels mirrored, in bytes. Default 1 GiB.
	StateBytes int64
}

// A Server is one edge. It is safe for concurrent use.
type Server struct{}

// New starts an edge. It serves clients once it is handed connections, and accepts them once it knows the control state
// of its region (see Ready).
func New(cfg Config) (*Server, error) { return &Server{}, nil }

// Handler serves the connections that a transport accepts.
func (s *Server) Handler() transport.Handler {
	return func(context.Context, transport.Conn) {}
}

// Ready waits until the edge knows the control state of its region.
func (s *Server) Ready(ctx context.Context) error { return nil }

// Drain tells every client to move to another edge, spread evenly over a time, refuses new ones from now on, and returns
// when the last has gone or ctx ends.
func (s *Server) Drain(ctx context.Context, over time.Duration) error { return nil }

// Close ends all sessions and waits for everything that the edge has started.
func (s *Server) Close() error { return nil }
