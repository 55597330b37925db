// Package link is a hub's side of the link to its region's edges: QUIC with certificates on both sides, over which edges
// publish, follow channels, mirror the control state and fetch modules. Package hub/hubclient is the other side.
package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/quic-go/quic-go"

	"weir/hub/ca"
	"weir/hub/internal/gro"
	"weir/hub/internal/linkwire"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// A Hub is what the link needs of a hub; *hub.Hub is one. Its errors are or wrap *fault.Fault.
type Hub interface {
	// Publish hands over a publication and returns at once; done is called exactly once and must not block.
	Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error))
	// Leads returns nil if this node leads the shard of a channel, in that very term unless it is 0; else why not.
	Leads(tenant, channel string, term uint64) error
	// WatchRoutes calls deliver with who leads what, now and at each change, until ctx ends or deliver fails.
	WatchRoutes(ctx context.Context, deliver func(*linkpb.Routes) error) error
	// Follow calls deliver with a channel's batches, in order, until ctx ends or deliver fails. A slow deliver slows
	// nobody else.
	Follow(ctx context.Context, tenant, channel string, from *weirpb.Cursor, deliver func(*weirpb.FeedBatch) error) error
	WatchControl(ctx context.Context, deliver func(*weirpb.ControlUpdate) error) error
	// ControlIndex returns an index that WatchControl delivers within moments, at which the control state has all that had
	// been answered to anybody before.
	ControlIndex(ctx context.Context) (uint64, error)
	History(context.Context, *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error)
	Module(ctx context.Context, digest []byte) ([]byte, error)
	// EndCanary ends the trial of a filter version that began at sinceMs, milliseconds since the Unix epoch.
	EndCanary(ctx context.Context, tenant, filter string, version uint32, sinceMs int64) error
}

// FilterStats takes what edges report of their filters, and keeps nothing of a report that it changes. Its errors are or wrap
// *fault.Fault.
type FilterStats interface {
	ReportFilters(ctx context.Context, r *weirpb.EdgeReport) error
}

// Config says what to serve. Hub, Identity and Node are required.
type Config struct {
	// Hub is this node's own: what another node leads it refuses with not_leader, so that edges go there themselves.
	Hub      Hub
	Identity *Identity
	// Call answers a call of the server API that another hub passes on, from this node alone: gateway.Answer does. Nil: all
	// are refused.
	Call func(ctx context.Context, procedure string, request []byte) ([]byte, error)
	// Admit reports why a hub node must not use the link, nil if it may: its certificate may be good for longer than it is of
	// the region. It is asked for each stream, and now and then. Nil admits every hub of the region's authority.
	Admit func(node string) error
	// Stats takes what edges report of their filters; *filterstats.Ledger does. Nil: edges are told that nobody does.
	Stats FilterStats
	// Node is this node's name in the region, as in its routes: edges find the leader by it. Agent names its software in
	// their logs.
	Node, Agent string
	// Logger: nil is slog.Default().
	Logger *slog.Logger
	// Registerer receives the metrics of METRICS.md. Nil: none are exported.
	Registerer prometheus.Registerer
}

// A Server serves the hub link.
type Server struct {
	cfg     Config
	hub     Hub // and FilterStats, if there is one
	log     *slog.Logger
	metrics *metrics
}

// New returns a server. It fails if the metrics can't be registered.
func New(cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	s := &Server{cfg: cfg, hub: cfg.Hub, log: cfg.Logger, metrics: m}
	if cfg.Stats != nil {
		s.hub = struct {
			Hub
			FilterStats
		}{cfg.Hub, cfg.Stats}
	}
	return s, nil
}

const (
	// maxEdges bounds the edges that one hub node serves.
	maxEdges = 1024
	// goodbye is how long a server that ends waits for the answers to what it has accepted.
	goodbye = 2 * time.Second
)

// Serve serves edges on conn until ctx ends: publications that were accepted are answered, then edges are told that the hub
// is going. It closes conn. The error is nil if ctx has ended.
func (s *Server) Serve(ctx context.Context, conn net.PacketConn) error {
	defer conn.Close()
	if s.cfg.Hub == nil || s.cfg.Identity == nil || s.cfg.Node == "" {
		return errors.New("link: Hub, Identity and Node are required")
	}
	transport := &quic.Transport{Conn: gro.Wrap(conn), StatelessResetKey: &s.cfg.Identity.resetKey}
	defer transport.Close()
	listener, err := transport.Listen(s.cfg.Identity.serverTLS(), linkwire.HubConfig())
	if err != nil {
		return fmt.Errorf("link: listen: %w", err)
	}
	defer listener.Close()
	var edges sync.WaitGroup
	defer edges.Wait()
	places := make(chan struct{}, maxEdges)
	for {
		accepted, err := listener.Accept(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("link: accept: %w", err)
		}
		select {
		case places <- struct{}{}:
		default:
			s.log.Warn("an edge is refused: this hub node is full", "peer", accepted.RemoteAddr(), "edges", maxEdges)
			_ = accepted.CloseWithError(linkwire.CodeGoing, "this hub node is full")
			continue
		}
		edges.Go(func() {
			defer func() { <-places }()
			s.serveEdge(ctx, accepted)
		})
	}
}

func (s *Server) serveEdge(ctx context.Context, conn *quic.Conn) {
	s.metrics.edges.Inc()
	defer s.metrics.edges.Dec()
	serving, stop := context.WithCancel(ctx) // ends with the server or the connection
	defer stop()
	defer context.AfterFunc(conn.Context(), stop)()
	name, _ := ca.PeerName(conn.ConnectionState().TLS) // the handshake has made sure that there is one
	e := &edge{server: s, conn: conn, log: s.log.With("role", name.Role, "name", name.Node, "peer", conn.RemoteAddr().String())}
	e.log.Info("link connected")
	var watching sync.WaitGroup
	watching.Go(func() { e.watchAdmission(serving) })
	e.serve(serving)
	stop()
	watching.Wait()
	// Closing a connection drops what has not been sent yet, so it is the edge that closes, once it has read everything.
	select {
	case <-conn.Context().Done():
	case <-time.After(goodbye):
		_ = conn.CloseWithError(linkwire.CodeGoing, "the hub is going away")
	}
	e.log.Info("link gone", "reason", context.Cause(conn.Context()))
}
