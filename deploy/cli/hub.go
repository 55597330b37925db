package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/deploy/cli/internal/lifecycle"
	"weir/deploy/cli/internal/listen"
	"weir/deploy/cli/internal/private"
	"weir/edge"
	"weir/filters"
	"weir/hub"
	"weir/hub/api"
	"weir/hub/filterstats"
	"weir/hub/link"
)

// hubCommand is "weir hub".
type hubCommand struct {
	Data   string `required:"" help:"Data folder." type:"path" env:"WEIR_HUB_DATA" placeholder:"DIR"`
	API    string `name:"api" help:"Address of the server API." default:"127.0.0.1:8444" env:"WEIR_HUB_API" placeholder:"HOST:PORT"`
	Cert   string `help:"Certificate chain of the server API, PEM. Without it the API is plain HTTP, on loopback addresses only." type:"path" env:"WEIR_HUB_CERT" placeholder:"FILE"`
	Key    string `help:"Its private key." type:"path" env:"WEIR_HUB_KEY" placeholder:"FILE"`
	Link   string `help:"UDP address that edges connect to." default:"127.0.0.1:8445" env:"WEIR_HUB_LINK" placeholder:"HOST:PORT"`
	Admin  string `help:"Private address: health, metrics, profiles." default:"127.0.0.1:8446" env:"WEIR_HUB_ADMIN" placeholder:"HOST:PORT"`
	NodeID string `name:"node-id" help:"Name of this node in logs." default:"hub-1" env:"WEIR_HUB_NODE_ID" placeholder:"NAME"`
	Config string `help:"YAML file with these settings." type:"path" env:"WEIR_HUB_CONFIG" placeholder:"FILE"`
}

func (hubCommand) Help() string {
	return `Orders and stores the events of a region. The first start makes, in the data folder, admin.key, an operator's API
key, and link/, the certificates for edges: copy ca.pem, edge.pem and edge-key.pem from there to each edge.

Examples:

    weir hub --data /var/lib/weir
    weir hub --config /etc/weir/hub.yaml
    weir tenant create acme --api http://127.0.0.1:8444 --api-key "$(cat /var/lib/weir/admin.key)"`
}

// stopGrace is how long calls that are being answered may take when a hub or an edge is told to stop.
const stopGrace = 10 * time.Second

func (c *hubCommand) Run(ctx context.Context, con *console, log *slog.Logger) (err error) {
	parts := lifecycle.New()
	defer func() { err = errors.Join(err, parts.Close(stopGrace)) }()
	s := &hubProcess{command: c, parts: parts, log: log, metrics: private.NewRegistry(), stats: filterstats.New(log)}
	for _, step := range []func(context.Context) error{s.serveAdmin, s.open, s.serveAPI, s.serveLink} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.gate.Start()
	fmt.Fprintf(con.err, "hub %s: server API on %s, link for edges on %s, admin on http://%s\n",
		c.NodeID, s.apiURL, s.linkAddr, s.adminAddr)
	fmt.Fprintf(con.err, "operator's key in %s, certificates for edges in %s\n",
		filepath.Join(c.Data, "admin.key"), filepath.Join(c.Data, link.Folder))
	return parts.Wait(ctx)
}

// A hubProcess is what "weir hub" runs.
type hubProcess struct {
	command *hubCommand
	parts   *lifecycle.Lifecycle
	log     *slog.Logger
	metrics *prometheus.Registry
	gate    private.Gate

	hub     *hub.Hub
	filters *filters.Engine
	// stats adds up what edges report of their filters.
	stats *filterstats.Ledger

	apiURL    string
	linkAddr  net.Addr
	adminAddr netip.AddrPort
}

func (s *hubProcess) serveAdmin(context.Context) error {
	sockets, err := listen.TCP(s.command.Admin)
	if err != nil {
		return addressFailure("admin", err)
	}
	s.adminAddr = sockets.Addr()
	s.parts.ServeHTTP("admin", &http.Server{
		Handler: private.Handler(s.metrics, s.gate.Check("hub", func(ctx context.Context) error { return s.hub.Ready(ctx) })),
	}, sockets...)
	return nil
}

// open opens the hub, and then the filter engine, whose cache is in the hub's data folder: a hub does not take a folder
// for a new one that holds something already.
func (s *hubProcess) open(ctx context.Context) error {
	var err error
	s.hub, err = hub.Open(ctx, hub.Config{
		Dir: s.command.Data, NodeID: s.command.NodeID, Logger: s.log, Registerer: s.metrics,
		Inspect: func(ctx context.Context, module []byte) ([]string, error) {
			manifest, err := s.filters.Inspect(ctx, module)
			return manifest.Abilities, err
		},
	})
	if err != nil {
		return err
	}
	s.parts.OnClose("hub", func(context.Context) error { return s.hub.Close() })
	s.filters, err = filters.New(ctx, filters.Config{
		CacheDir: filepath.Join(s.command.Data, "cache"), Logger: s.log.With("part", "filters"),
	})
	if err != nil {
		return fmt.Errorf("start the filter engine: %w", err)
	}
	s.parts.OnClose("filters", s.filters.Close)
	return nil
}

// serveAPI serves the server API: by TLS, or by plain HTTP where it stays on this machine.
func (s *hubProcess) serveAPI(context.Context) error {
	handler, err := api.New(api.Config{Hub: s.hub, Stats: s.stats, Logger: s.log.With("part", "api"), Registerer: s.metrics})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for _, pattern := range handler.Patterns() {
		mux.Handle(pattern, handler)
	}
	certificate, err := s.certificate()
	if err != nil {
		return err
	}
	sockets, err := listen.TCP(s.command.API)
	if err != nil {
		return addressFailure("api", err)
	}
	s.parts.OnClose("api socket", func(context.Context) error { return sockets.Close() })
	server := &http.Server{Handler: mux, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	if certificate == nil {
		if !sockets.Addr().Addr().IsLoopback() {
			return usagef("give --cert and --key, or a loopback address", "the server API can't be plain HTTP on %s: keys would travel in the clear", sockets.Addr())
		}
		s.apiURL = "http://" + sockets.Addr().String()
		server.Protocols.SetUnencryptedHTTP2(true) // gRPC needs HTTP/2
		s.parts.ServeHTTP("api", server, sockets...)
		return nil
	}
	s.apiURL = "https://" + sockets.Addr().String()
	server.Protocols.SetHTTP2(true)
	config := &tls.Config{
		GetCertificate: certificate.GetCertificate, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"},
	}
	for i := range sockets {
		sockets[i] = tls.NewListener(sockets[i], config)
	}
	s.parts.ServeHTTP("api", server, sockets...)
	return nil
}

// certificate returns the one that is given, nil if there is none.
func (s *hubProcess) certificate() (*edge.CertificateFiles, error) {
	c := s.command
	if (c.Cert == "") != (c.Key == "") {
		return nil, usagef("", "--cert and --key need each other")
	}
	if c.Cert == "" {
		return nil, nil
	}
	return edge.OpenCertificateFiles(c.Cert, c.Key, s.log)
}

func (s *hubProcess) serveLink(context.Context) error {
	identity, err := link.EnsureIdentity(s.command.Data, s.command.NodeID, time.Now(), s.log)
	if err != nil {
		return err
	}
	server, err := link.New(link.Config{
		Hub: s.hub, Identity: identity, Stats: s.stats, Node: s.command.NodeID, Agent: currentBuild().agent(),
		Logger: s.log.With("part", "link"), Registerer: s.metrics,
	})
	if err != nil {
		return err
	}
	conn, err := net.ListenPacket("udp", s.command.Link)
	if err != nil {
		return addressFailure("link", err)
	}
	s.linkAddr = conn.LocalAddr()
	s.parts.GoOwned("link", func(ctx context.Context) error { return server.Serve(ctx, conn) })
	return nil
}
