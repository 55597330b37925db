// Package edge is a point of presence: it terminates clients, authenticates them, runs their tenants' filters and fans
// events out to them. It keeps nothing that a hub does not have, so an edge can be lost at any time.
package edge

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/edge/internal/canary"
	"weir/edge/internal/fanout"
	"weir/edge/internal/filterlog"
	"weir/edge/internal/fuel"
	"weir/edge/internal/metrics"
	"weir/edge/internal/mirror"
	"weir/edge/internal/report"
	"weir/edge/internal/selfcheck"
	"weir/edge/internal/session"
	"weir/edge/internal/sieve"
	"weir/edge/internal/transport"
	"weir/filters"
	"weir/proto/fault"
	"weir/proto/weirpb"
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
	// Reports is told every few seconds what filters have done; the hub's client is one. Nil: nobody is told.
	Reports FilterReports
	// ReportInterval is how often that is. 0: 5 seconds.
	ReportInterval time.Duration
	// Host names the edge in reports: an address or a machine's name.
	Host string
	// Explain lets every session ask why it got an event or did not. Else those may whose tokens say so. For development:
	// see proto/SPEC.md, section 15.
	Explain bool
}

// FilterReports takes reports of what filters have done.
type FilterReports = report.Hub

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
	// FilterTurns is how many filters run at once where they are called, and how many aside; see MakeRoom. Default: a processor less
	// than there are, so that one is left for clients whatever filters do, and at least 1.
	FilterTurns int
	// TenantFuel is the fuel a second of a tenant that has no limit of its own, MaxTenantFuel the highest of those. Fuel
	// counts instructions; a unit takes some 0.15 ns. Defaults 4 billion, and 100 billion.
	TenantFuel, MaxTenantFuel int64
	// TenantLogLines is how many lines a second the filters log of a tenant that has no limit of its own, MaxTenantLogLines
	// the highest of those. Defaults 50 and 5,000.
	TenantLogLines, MaxTenantLogLines int
}

// Defaults of Limits.
const (
	defaultSessions      = 100_000
	defaultChannels      = 10_000
	defaultChannelGroups = 10_000
	defaultStateBytes    = 1 << 30
	defaultTenantFuel    = 4_000_000_000
	defaultMaxTenantFuel = 100_000_000_000
	defaultLogLines      = 50
	defaultMaxLogLines   = 5_000
)

func (l Limits) withDefaults() Limits {
	l.Sessions = cmp.Or(l.Sessions, defaultSessions)
	l.TenantSessions = cmp.Or(l.TenantSessions, l.Sessions)
	l.Channels = cmp.Or(l.Channels, defaultChannels)
	l.ChannelGroups = cmp.Or(l.ChannelGroups, defaultChannelGroups)
	l.StateBytes = cmp.Or(l.StateBytes, defaultStateBytes)
	l.FilterTurns = cmp.Or(l.FilterTurns, defaultTurns(runtime.GOMAXPROCS(0)))
	l.TenantFuel = cmp.Or(l.TenantFuel, defaultTenantFuel)
	l.MaxTenantFuel = max(cmp.Or(l.MaxTenantFuel, defaultMaxTenantFuel), l.TenantFuel)
	l.TenantLogLines = cmp.Or(l.TenantLogLines, defaultLogLines)
	l.MaxTenantLogLines = max(cmp.Or(l.MaxTenantLogLines, defaultMaxLogLines), l.TenantLogLines)
	return l
}

func (l Limits) rates() fuel.Rates {
	return fuel.Rates{
		FuelPerSecond: l.TenantFuel, FuelPerSecondMost: l.MaxTenantFuel,
		LogLines: l.TenantLogLines, LogLinesMost: l.MaxTenantLogLines,
	}
}

// A Server is one edge. It is safe for concurrent use.
type Server struct {
	mirror *mirror.Mirror
	shelf  *mirror.Shelf
	ledger *fuel.Ledger
	table  *fanout.Table
	host   *session.Host
	canary *canary.Watch
	// checker repeats some of what filters have decided.
	checker *selfcheck.Checker
	// reporter tells the hub what filters have done; nil if nobody wants to know.
	reporter *report.Reporter
	// said is what filters say.
	said *filterlog.Log
	name string // of the edge, to operators
}

// New starts an edge. It serves clients once it is handed connections, and welcomes them once it knows the control state
// of its region (see Ready).
func New(cfg Config) (*Server, error) {
	if cfg.Upstream == nil || cfg.Filters == nil {
		return nil, errors.New("an edge needs an upstream and a filter engine")
	}
	return start(cfg, func(ctx context.Context, module []byte, terms filters.Terms) (mirror.Module, error) {
		f, err := cfg.Filters.OpenFor(ctx, module, terms)
		if err != nil {
			return nil, err
		}
		return f, nil
	})
}

// An opener makes a module ready to run on somebody's behalf, as filters.Engine does.
type opener func(ctx context.Context, module []byte, terms filters.Terms) (mirror.Module, error)

// start is New with filters of any kind.
func start(cfg Config, open opener) (*Server, error) {
	log := cfg.Logger
	if log == nil {
		log = slog.Default()
	}
	registerer := cfg.Registerer
	if registerer == nil {
		registerer = prometheus.NewRegistry()
	}
	m, err := metrics.New(registerer)
	if err != nil {
		return nil, err
	}
	limits := cfg.Limits.withDefaults()
	s := &Server{
		said: filterlog.New(), name: cfg.Host,
		mirror: mirror.New(cfg.Upstream, log, m),
		ledger: fuel.NewLedger(limits.FilterTurns, limits.rates(), &mirror.State{}, m),
		table: fanout.New(fanout.Config{
			Upstream: cfg.Upstream, Logger: log, Metrics: m,
			Limits: fanout.Limits{Channels: limits.Channels, GroupsPerChannel: limits.ChannelGroups, StateBytes: limits.StateBytes},
		}),
	}
	s.shelf = mirror.NewShelf(cfg.Upstream, func(ctx context.Context, v *weirpb.FilterVersion, module []byte) (mirror.Module, error) {
		return open(ctx, module, s.terms(v))
	}, log, m)
	s.host = session.NewHost(session.Config{
		Agent: cfg.Agent, Upstream: cfg.Upstream, Mirror: s.mirror, Shelf: s.shelf, Table: s.table, Logger: log, Metrics: m,
		Sessions: limits.Sessions, TenantSessions: limits.TenantSessions, Explain: cfg.Explain,
		CanaryFailed: func(v *weirpb.FilterVersion) bool { return s.canary.Failed(v) },
	})
	s.canary = canary.Start(canary.Config{
		State: s.mirror.State, Ender: cfg.Upstream, Ended: s.host.Outdate, Logger: log, Metrics: m,
	})
	s.checker = selfcheck.Start(m)
	s.shelf.OnSuspend, s.shelf.Checker = s.canary.Suspended, s.checker
	if cfg.Reports != nil {
		s.reporter = report.Start(report.Config{
			Hub: cfg.Reports, Collect: s.filterReports, Lines: s.said.Reader(), Agent: cfg.Agent, Host: cfg.Host, Logger: log, Metrics: m,
			Interval: cfg.ReportInterval,
		})
	}
	s.mirror.Start(s.controlChanged)
	return s, nil
}

// controlChanged holds all that goes on against a new control state.
func (s *Server) controlChanged(state *mirror.State) {
	s.ledger.Apply(state)
	s.canary.Forget(state)
	s.host.Recheck(state)
	s.table.Reconcile(func(tenant, channel string) (weirpb.FailurePolicy, *fault.Fault) {
		namespace, f := state.Namespace(tenant, channel)
		return namespace.GetOnFilterFailure(), f
	})
	s.shelf.Retain(state)
	s.said.Forget(func(id sieve.ID) bool {
		v, f := state.FilterVersion(id.Tenant, id.Name, id.Version)
		return f == nil && string(v.GetDigest()) == string(id.Digest[:])
	})
}

// terms returns on whose behalf a version of a filter runs.
func (s *Server) terms(v *weirpb.FilterVersion) filters.Terms {
	terms := s.ledger.Terms(v.GetTenant(), v.GetName())
	id := sieve.ID{Tenant: v.GetTenant(), Name: v.GetName(), Version: v.GetVersion()}
	copy(id.Digest[:], v.GetDigest())
	terms.Owner, terms.Listener = id.Tenant, s.said.Voice(id)
	return terms
}

// Handler serves the connections that a transport accepts.
func (s *Server) Handler() transport.Handler { return s.host.Serve }

// Ready waits until the edge knows the control state of its region, or returns ctx's cause.
func (s *Server) Ready(ctx context.Context) error { return s.mirror.Ready(ctx) }

// Drain tells every client to move to another edge, spread evenly over a time, or over less where they are few, refuses new ones
// from now on, and returns when the last has gone, or ctx's cause when ctx ends before.
func (s *Server) Drain(ctx context.Context, over time.Duration) error { return s.host.Drain(ctx, over) }

// Close ends all sessions and waits for everything that the edge has started.
func (s *Server) Close() error {
	s.host.Close()
	s.mirror.Close()
	s.canary.Close()
	s.table.Close()
	if s.reporter != nil {
		s.reporter.Close()
	}
	s.checker.Close()
	s.shelf.Close()
	return nil
}
