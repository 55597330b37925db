package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/quic-go/webtransport-go"

	"weir/proto/fault"
)

// errStopped is what ends the sessions of a server that is made to stop.
var errStopped = fault.New(fault.Draining, "this edge is stopping").WithHint("connect again: another edge will answer")

// A Server accepts clients at one address, by UDP and TCP. It is safe for concurrent use.
type Server struct {
	limits    Limits
	logger    *slog.Logger
	metrics   *metrics
	admission *admission
	origins   *origins
	handler   Handler
	other     http.Handler

	sockets      *sockets
	endpoints    []*endpoint
	webtransport *webtransport.Server
	tcp          *http.Server

	ctx      context.Context // of all sessions
	cancel   context.CancelCauseFunc
	sessions sync.WaitGroup // counts what admit has admitted

	mu      sync.Mutex
	stopped bool              // nothing is admitted any more; guarded by mu
	live    map[conn]struct{} // what is being served; guarded by mu
}

// Listen takes the addresses. Clients are served once Serve is called, which also gives the addresses back.
func Listen(cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	sockets, err := openSockets(cfg.Address, cfg.Logger)
	if err != nil {
		return nil, err
	}
	s, err := listenOn(sockets, cfg)
	if err != nil {
		return nil, errors.Join(err, sockets.close())
	}
	s.warnOfSmallBuffers()
	return s, nil
}

// listenOn makes a server of open sockets, which it closes at the end of Serve.
func listenOn(sockets *sockets, cfg Config) (*Server, error) {
	s := &Server{
		limits: cfg.Limits.withDefaults(), logger: cfg.Logger, handler: cfg.Sessions, other: cfg.HTTP,
		sockets: sockets, live: make(map[conn]struct{}),
	}
	if s.other == nil {
		s.other = http.NotFoundHandler()
	}
	var err error
	if s.origins, err = parseOrigins(cfg.Origins); err != nil {
		return nil, err
	}
	registerer := cfg.Registerer
	if registerer == nil {
		registerer = prometheus.NewRegistry()
	}
	if s.metrics, err = newMetrics(registerer); err != nil {
		return nil, fmt.Errorf("register the transports' metrics: %w", err)
	}
	s.admission = newAdmission(s.limits, s.metrics)
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.tcp = s.newTCPServer(cfg.GetCertificate)
	if err := s.listenQUIC(cfg.GetCertificate, cfg.ResetKey); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// Addr returns the address, the first of them where there are two. UDP and TCP have the same.
func (s *Server) Addr() net.Addr { return s.sockets.tcp[0].Addr() }

// Drain refuses new connections from now on; those there are go on.
func (s *Server) Drain() { s.admission.drain() }

// Serve serves clients until ctx ends or an address fails. Then it ends the context of every session, waits for their
// handlers for as long as Limits.StopTimeout, cuts the connections that are left, and returns: nil if ctx ended it.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, len(s.endpoints)+len(s.sockets.tcp))
	var listeners sync.WaitGroup
	for _, e := range s.endpoints {
		listeners.Go(func() { failed <- e.accept(s.webtransport) })
	}
	for _, l := range s.sockets.tcp {
		bounded := newBoundedListener(l, s.limits.Connections)
		listeners.Go(func() { failed <- s.tcp.ServeTLS(bounded, "", "") })
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("serve clients: %w", err)
	}
	s.stop()
	err = errors.Join(err, s.close())
	listeners.Wait()
	return err
}

// stop ends the sessions.
func (s *Server) stop() {
	s.Drain()
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.cancel(errStopped)

	ended := make(chan struct{})
	go func() {
		s.sessions.Wait()
		close(ended)
	}()
	wait(ended, s.limits.StopTimeout)
	s.mu.Lock()
	var left sync.WaitGroup
	for c := range s.live {
		left.Go(func() { c.Close(errStopped) })
	}
	count := len(s.live)
	s.mu.Unlock()
	if count > 0 {
		s.logger.Warn("sessions did not end in time and are cut", "sessions", count)
	}
	left.Wait()
	<-ended // handlers return once their connection is closed
}

// close gives the addresses back.
func (s *Server) close() error {
	var errs []error
	errs = append(errs, s.tcp.Close(), s.webtransport.Close())
	for _, e := range s.endpoints {
		errs = append(errs, e.close())
	}
	errs = append(errs, s.sockets.close())
	s.cancel(errStopped)
	return errors.Join(errs...)
}

// admit counts a session, unless the server stops; the caller calls sessions.Done.
func (s *Server) admit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.sessions.Add(1)
	return true
}

// serve runs the handler on a connection and closes it.
func (s *Server) serve(c conn) {
	b := c.common()
	s.metrics.accepted[b.transport].Inc()
	s.metrics.sessions[b.transport].Inc()
	s.mu.Lock()
	s.live[c] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.live, c)
		s.mu.Unlock()
		s.metrics.sessions[b.transport].Dec()
	}()
	defer c.Close(nil)
	defer s.contain(c)
	s.handler(b.ctx, c)
}

// contain keeps a fault in the program that one client has found from ending the sessions of all others.
func (s *Server) contain(c conn) {
	if cause := recover(); cause != nil {
		s.logger.Error("a session panicked", "remote", c.RemoteAddr(), "cause", cause, "stack", string(debug.Stack()))
		c.Close(fault.From(errors.New("panic")))
	}
}

func (s *Server) isDraining() bool {
	s.admission.mu.Lock()
	defer s.admission.mu.Unlock()
	return s.admission.draining
}
