package devserver

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/deploy/cli/internal/devfile"
	"weir/deploy/cli/internal/filteradmin"
	"weir/deploy/cli/internal/inspect"
	"weir/deploy/cli/internal/lifecycle"
	"weir/deploy/cli/internal/listen"
	"weir/deploy/cli/internal/private"
	"weir/deploy/demo"
	"weir/edge"
	"weir/filters"
	"weir/hub"
	"weir/hub/api"
	"weir/hub/filterstats"
)

// A Server is one running "weir dev".
type Server struct {
	cfg    Config
	logger *slog.Logger
	parts  *lifecycle.Lifecycle

	http, admin listen.Sockets
	metrics     *prometheus.Registry
	filters     *filters.Engine
	hub         *hub.Hub
	api         *api.Handler
	edge        *edge.Server
	certificate *edge.DevCertificate
	listener    *edge.Listener
	minter      *minter
	info        devfile.Info
	gate        private.Gate
	stats       *filterstats.Ledger
}

// An AddressError says which setting has an address that can't be listened on.
type AddressError struct {
	// Setting is "http", "listen" or "admin".
	Setting string
	Err     error
}

func (e *AddressError) Error() string { return e.Setting + ": " + e.Err.Error() }
func (e *AddressError) Unwrap() error { return e.Err }

const (
	// startTimeout bounds how long recovery of the data may take.
	startTimeout = 2 * time.Minute
	// closeGrace is how long what is under way may take to end well. Somebody waits at a prompt.
	closeGrace = time.Second
	// reportInterval is how often the edge reports what filters do. It costs a function call here, and somebody watches.
	reportInterval = 200 * time.Millisecond
)

// Start runs a server and returns when it serves. ctx ends the starting, not the server.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	s := &Server{
		cfg: cfg, logger: cfg.Logger, parts: lifecycle.New(), metrics: private.NewRegistry(),
		stats: filterstats.New(cfg.Logger),
	}
	for _, step := range []func(context.Context) error{
		s.openSockets, s.takeData, s.serveAdmin, s.openHub, s.seed, s.openEdge, s.serveSessions, s.servePage, s.fly, s.announce,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	s.gate.Start()
	return s, nil
}

// Info returns the addresses and keys.
func (s *Server) Info() devfile.Info { return s.info }

// Wait returns when ctx ends, or with an error when the server can't go on.
func (s *Server) Wait(ctx context.Context) error { return s.parts.Wait(ctx) }

// Close ends all sessions, stops everything and leaves the data as a later start finds it.
func (s *Server) Close() error {
	s.gate.Stop()
	return s.parts.Close(closeGrace, s.cfg.StopTimeout)
}

// openSockets comes first: that a port is taken is the usual reason not to start.
func (s *Server) openSockets(context.Context) error {
	for _, socket := range []struct {
		setting, addr string
		target        *listen.Sockets
	}{
		{"http", s.cfg.HTTP, &s.http},
		{"admin", s.cfg.Admin, &s.admin},
	} {
		sockets, err := listen.TCP(socket.addr)
		switch {
		case err != nil && s.cfg.taken(): // it is ourselves who have the port
			return fmt.Errorf("%s: %w", s.cfg.Data, ErrLocked)
		case err != nil:
			return &AddressError{socket.setting, err}
		}
		*socket.target = sockets
		s.parts.OnClose(socket.setting, func(context.Context) error { return sockets.Close() })
	}
	return nil
}

func (s *Server) takeData(context.Context) error {
	f, err := s.cfg.openData()
	if err != nil {
		return err
	}
	s.parts.OnClose("data folder", func(context.Context) error { return f.Close() })
	return nil
}

func (s *Server) serveAdmin(context.Context) error {
	s.parts.ServeHTTP("admin", &http.Server{
		Handler: filteradmin.Handler(private.Handler(s.metrics,
			s.gate.Check("hub", func(ctx context.Context) error { return s.hub.Ready(ctx) }),
			s.gate.Check("edge", func(ctx context.Context) error { return s.edge.Ready(ctx) }),
		), s.runningEdge),
		ErrorLog: s.httpLog(),
	}, s.admin...)
	return nil
}

// runningEdge returns the edge once it serves, and until it stops.
func (s *Server) runningEdge() filteradmin.Edge {
	if !s.gate.Open() {
		return nil
	}
	return s.edge
}

// httpLog is for what HTTP servers complain about: mostly clients that go away.
func (s *Server) httpLog() *log.Logger { return slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug) }

func (s *Server) openHub(ctx context.Context) error {
	var err error
	s.filters, err = filters.New(ctx, filters.Config{
		CacheDir: s.cfg.cacheDir(), Logger: s.logger.With("part", "filters"),
	})
	if err != nil {
		return fmt.Errorf("start the filter engine: %w", err)
	}
	s.parts.OnClose("filters", s.filters.Close)
	s.hub, err = hub.Open(ctx, hub.Config{
		Dir: s.cfg.hubDir(), Logger: quiet(s.logger).With("part", "hub"), Registerer: s.metrics,
		Inspect: func(ctx context.Context, u *hub.Upload) ([]string, error) { return inspect.Upload(ctx, s.filters, u) },
	})
	if err != nil {
		return err
	}
	s.parts.OnClose("hub", func(context.Context) error { return s.hub.Close() })
	if err := s.hub.Ready(ctx); err != nil {
		return fmt.Errorf("the hub does not get ready: %w", err)
	}
	s.api, err = api.New(api.Config{Hub: s.hub, Stats: filterstats.NewNode(s.hub, s.stats), Logger: s.logger.With("part", "api"), Registerer: s.metrics})
	return err
}

func (s *Server) seed(ctx context.Context) error {
	key, err := seed(ctx, s.hub, &s.cfg)
	s.minter = &minter{key: key, ttl: s.cfg.TokenTTL}
	return err
}

func (s *Server) openEdge(ctx context.Context) error {
	turns, undo := edge.MakeRoom(0)
	s.parts.OnClose("processors", func(context.Context) error { undo(); return nil })
	var err error
	s.edge, err = edge.New(edge.Config{
		Upstream: s.hub, Filters: s.filters, Agent: s.cfg.Agent, Logger: s.logger.With("part", "edge"), Registerer: s.metrics,
		Limits: edge.Limits{FilterTurns: turns}, Reports: s.stats, ReportInterval: reportInterval, Host: "weir dev", Explain: true,
	})
	if err != nil {
		return fmt.Errorf("start the edge: %w", err)
	}
	s.parts.OnClose("edge", func(context.Context) error { return s.edge.Close() })
	if err := s.edge.Ready(ctx); err != nil {
		return fmt.Errorf("the edge does not get ready: %w", err)
	}
	return nil
}

// serveSessions serves clients by TLS: sessions, and beside them the server API.
func (s *Server) serveSessions(context.Context) error {
	var err error
	if s.certificate, err = edge.OpenDevCertificate(s.cfg.tlsDir(), s.logger); err != nil {
		return err
	}
	resetKey, err := edge.ResetKey(s.cfg.tlsDir())
	if err != nil {
		return err
	}
	s.listener, err = s.edge.Listen(edge.ListenConfig{
		Address: s.cfg.Listen, GetCertificate: s.certificate.GetCertificate, ResetKey: resetKey, HTTP: s.apiMux(),
		Logger: s.logger.With("part", "transport"), Registerer: s.metrics,
	})
	if err != nil {
		return &AddressError{"listen", err}
	}
	s.parts.GoOwned("sessions", s.listener.Serve)
	return nil
}

func (s *Server) apiMux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, pattern := range s.api.Patterns() {
		mux.Handle(pattern, s.api)
	}
	return mux
}

// fly publishes the demo's flights.
func (s *Server) fly(context.Context) error {
	if s.cfg.Demo {
		s.parts.Go("demo", func(ctx context.Context) error {
			return demo.Run(ctx, demo.Config{Hub: s.hub, Tenant: Tenant, Logger: s.logger.With("part", "demo")})
		})
	}
	return nil
}
