package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/deploy/cli/internal/filteradmin"
	"weir/deploy/cli/internal/lifecycle"
	"weir/deploy/cli/internal/listen"
	"weir/deploy/cli/internal/private"
	"weir/edge"
	"weir/filters"
	"weir/hub/ca"
	"weir/hub/hubclient"
	"weir/hub/link"
)

// edgeCommand is "weir edge".
type edgeCommand struct {
	Hub          []string      `required:"" help:"UDP addresses of the region's hub nodes. Repeatable." env:"WEIR_EDGE_HUB" placeholder:"HOST:PORT"`
	LinkIdentity string        `required:"" help:"Folder with ca.pem, edge.pem and edge-key.pem: from \"weir ca issue\", or a lone hub's data folder. Read again when they change." type:"path" env:"WEIR_EDGE_LINK_IDENTITY" placeholder:"DIR"`
	Listen       string        `help:"Address for sessions, over UDP and TCP." default:":8443" env:"WEIR_EDGE_LISTEN" placeholder:"HOST:PORT"`
	Cert         string        `required:"" help:"Certificate chain, PEM; read again when it changes." type:"path" env:"WEIR_EDGE_CERT" placeholder:"FILE"`
	Key          string        `required:"" help:"Its private key." type:"path" env:"WEIR_EDGE_KEY" placeholder:"FILE"`
	Origin       []string      `help:"Origins whose pages may connect: https://example.com, https://*.example.com, or * for all. Repeatable. By default those on the edge's own host." env:"WEIR_EDGE_ORIGIN" placeholder:"ORIGIN"`
	Data         string        `help:"Folder for compiled filters and the reset key. Nothing in it is missed when it is lost." default:"weir-edge" type:"path" env:"WEIR_EDGE_DATA" placeholder:"DIR"`
	Admin        string        `help:"Private address: health, metrics, profiles, filters." default:"127.0.0.1:8447" env:"WEIR_EDGE_ADMIN" placeholder:"HOST:PORT"`
	MaxSessions  int           `help:"Most sessions at once. 0: the default, 100000." env:"WEIR_EDGE_MAX_SESSIONS" placeholder:"N"`
	Explain      bool          `help:"Let every session ask why it got an event, or did not. For development; else tokens with the claim explain may." env:"WEIR_EDGE_EXPLAIN"`
	FilterTurns  int           `help:"Most filters that run at once. 0: one less than there are processors." env:"WEIR_EDGE_FILTER_TURNS" placeholder:"N"`
	TenantFuel   fuelAmount    `help:"Fuel a second of a tenant that has no limit of its own. 0: the default, 4G." env:"WEIR_EDGE_TENANT_FUEL" placeholder:"FUEL"`
	MaxFuel      fuelAmount    `name:"max-tenant-fuel" help:"Most fuel a second that any tenant may have here. 0: the default, 100G." env:"WEIR_EDGE_MAX_TENANT_FUEL" placeholder:"FUEL"`
	Drain        time.Duration `help:"When told to stop, how long to spread the farewell to the clients over, at most: 100 are told a second." default:"20s" env:"WEIR_EDGE_DRAIN" placeholder:"DURATION"`
	StopTimeout  time.Duration `help:"Then end after this time whatever is still under way." default:"10s" env:"WEIR_EDGE_STOP_TIMEOUT" placeholder:"DURATION"`
	Config       string        `help:"YAML file with these settings." type:"path" env:"WEIR_EDGE_CONFIG" placeholder:"FILE"`
}

func (edgeCommand) Help() string {
	return `Terminates clients, runs filters and fans events out. It keeps nothing that the hub does not have. Told to stop, by
SIGTERM or Ctrl-C, it moves its clients to other edges first; a second signal ends it at once.

Examples:

    weir edge --hub hub.internal:8445 --link-identity /etc/weir/link --cert edge.pem --key edge.key
    weir edge --config /etc/weir/edge.yaml
    weir edge --hub 127.0.0.1:8445 --link-identity /var/lib/weir/link --listen 127.0.0.1:8443 --cert c.pem --key k.pem`
}

func (c *edgeCommand) Run(ctx context.Context, con *console, log *slog.Logger) (err error) {
	if c.Drain < 0 {
		return usagef("", "--drain can't be negative")
	}
	if c.StopTimeout <= 0 {
		return usagef("", "--stop-timeout must be positive")
	}
	if c.FilterTurns < 0 || max(c.TenantFuel, c.MaxFuel) > maxFuel {
		return usagef("", "--filter-turns can't be negative, and fuel a second can't be more than %s", maxFuel)
	}
	parts := lifecycle.New()
	defer func() { err = errors.Join(err, parts.Close(stopGrace, c.StopTimeout)) }()
	s := &edgeProcess{
		command: c, parts: parts, log: log, metrics: private.NewRegistry(),
	}
	for _, step := range []func(context.Context) error{s.openCertificate, s.serveAdmin, s.connect, s.open, s.serve} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.gate.Start()
	fmt.Fprintf(con.err, "edge on %s, admin on http://%s\n", s.listener.Addr(), s.adminAddr)
	if err := parts.Wait(ctx); err != nil {
		return err
	}
	s.drain(con)
	return nil
}

// An edgeProcess is what "weir edge" runs.
type edgeProcess struct {
	command *edgeCommand
	parts   *lifecycle.Lifecycle
	log     *slog.Logger
	metrics *prometheus.Registry
	gate    private.Gate

	certificate *edge.CertificateFiles

	hub       *hubclient.Client
	edge      *edge.Server
	listener  *edge.Listener
	adminAddr netip.AddrPort
}

// openCertificate reads the certificate for clients, before anything is written.
func (s *edgeProcess) openCertificate(context.Context) (err error) {
	if s.certificate, err = edge.OpenCertificateFiles(s.command.Cert, s.command.Key, s.log); err != nil {
		return failf("--cert and --key name PEM files", "%w", err)
	}
	return nil
}

func (s *edgeProcess) serveAdmin(context.Context) error {
	sockets, err := listen.TCP(s.command.Admin)
	if err != nil {
		return addressFailure("admin", err)
	}
	s.adminAddr = sockets.Addr()
	s.parts.ServeHTTP("admin", &http.Server{
		Handler: filteradmin.Handler(private.Handler(s.metrics,
			s.gate.Check("hub", func(ctx context.Context) error {
				return otherwise(s.hub.Ready(ctx), "no node of the hub is connected; the log says why")
			}),
			s.gate.Check("edge", func(ctx context.Context) error {
				return otherwise(s.edge.Ready(ctx), "the hub has not told its tenants yet, so no client is welcomed")
			}),
		), s.runningEdge),
	}, sockets...)
	return nil
}

// otherwise says what it means that a check has waited in vain.
func otherwise(err error, meaning string) error {
	if err == nil {
		return nil
	}
	return errors.New(meaning)
}

// runningEdge returns the edge once it serves, and until it stops.
func (s *edgeProcess) runningEdge() filteradmin.Edge {
	if !s.gate.Open() {
		return nil
	}
	return s.edge
}

func (s *edgeProcess) connect(context.Context) error {
	certificates, err := ca.Open(ca.Config{Dir: s.command.LinkIdentity, Role: ca.Edge, Logger: s.log})
	if err != nil {
		return explainCA(err)
	}
	if err := certificates.Register(s.metrics); err != nil {
		return err
	}
	s.parts.GoOwned("certificates", func(ctx context.Context) error { certificates.Watch(ctx); return nil })
	s.hub, err = hubclient.New(hubclient.Config{
		Addrs: s.command.Hub, TLS: link.ClientTLS(certificates), Agent: currentBuild().agent(),
		Logger: s.log.With("part", "link"), Registerer: s.metrics,
	})
	if err != nil {
		return err
	}
	s.parts.OnClose("link", func(context.Context) error { return s.hub.Close() })
	return nil
}

// open starts the edge. It does not wait for the hub: an edge that starts while the hub is away serves once it is back.
func (s *edgeProcess) open(ctx context.Context) error {
	if err := os.MkdirAll(s.command.Data, 0o700); err != nil {
		return failf("--data names another folder", "can't make the data folder: %w", err)
	}
	engine, err := filters.New(ctx, filters.Config{
		CacheDir: s.command.Data, Logger: s.log.With("part", "filters"),
	})
	if err != nil {
		return fmt.Errorf("start the filter engine: %w", err)
	}
	s.parts.OnClose("filters", engine.Close)
	turns, undo := edge.MakeRoom(s.command.FilterTurns)
	s.parts.OnClose("processors", func(context.Context) error { undo(); return nil })
	s.edge, err = edge.New(edge.Config{
		Upstream: s.hub, Filters: engine, Agent: currentBuild().agent(), Logger: s.log, Registerer: s.metrics,
		Limits: edge.Limits{
			Sessions: s.command.MaxSessions, FilterTurns: turns,
			TenantFuel: int64(s.command.TenantFuel), MaxTenantFuel: int64(s.command.MaxFuel),
		},
		Reports: s.hub, Host: s.host(), Explain: s.command.Explain,
	})
	if err != nil {
		return fmt.Errorf("start the edge: %w", err)
	}
	s.parts.OnClose("edge", func(context.Context) error { return s.edge.Close() })
	return nil
}

// host names the edge to operators: its machine, and the port by which edges on one machine differ.
func (s *edgeProcess) host() string {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	return fmt.Sprintf("%s:%d", name, s.adminAddr.Port())
}

func (s *edgeProcess) serve(context.Context) error {
	resetKey, err := edge.ResetKey(s.command.Data)
	if err != nil {
		return err
	}
	s.listener, err = s.edge.Listen(edge.ListenConfig{
		Address: s.command.Listen, GetCertificate: s.certificate.GetCertificate, ResetKey: resetKey,
		Origins: s.command.Origin, Logger: s.log.With("part", "transport"), Registerer: s.metrics,
	})
	if err != nil {
		return addressFailure("listen", err)
	}
	s.parts.GoOwned("sessions", s.listener.Serve)
	return nil
}

// drain moves the clients away before the edge stops.
func (s *edgeProcess) drain(con *console) {
	s.gate.Stop()
	s.listener.Drain()
	if s.command.Drain == 0 {
		return
	}
	fmt.Fprintf(con.err, "moving clients to other edges, over %s at most; interrupt again to stop at once\n", s.command.Drain)
	// Clients that don't go by themselves are cut a while after the last was asked to.
	ctx, cancel := context.WithTimeout(context.Background(), s.command.Drain+stopGrace)
	defer cancel()
	if err := s.edge.Drain(ctx, s.command.Drain); err != nil {
		s.log.Warn("not all clients have gone", "error", err)
	}
}
