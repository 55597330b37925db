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
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/deploy/cli/internal/inspect"
	"weir/deploy/cli/internal/lifecycle"
	"weir/deploy/cli/internal/listen"
	"weir/deploy/cli/internal/private"
	"weir/edge"
	"weir/filters"
	"weir/hub"
	"weir/hub/api"
	"weir/hub/ca"
	"weir/hub/filterstats"
	"weir/hub/gateway"
	"weir/hub/hubclient"
	"weir/hub/link"
)

// hubRun runs a hub node: "weir hub" without more.
type hubRun struct {
	hubNode
	Peers  []hubPeer `sep:";" help:"The nodes of a new region, this one among them, as \"id=hub-1,mesh=HOST:PORT,link=HOST:PORT,api=URL\", with \";\" between them. A region that is there keeps its own list." env:"WEIR_HUB_PEERS" placeholder:"PEER;..."`
	Join   []string  `help:"Mesh addresses of nodes of a region that this node is to join; its data folder is empty." env:"WEIR_HUB_JOIN" placeholder:"HOST:PORT,..."`
	Shards int       `help:"How many shards a new region has." default:"4" env:"WEIR_HUB_SHARDS" placeholder:"N"`
}

// hubNode has the settings of a node that concern no other.
type hubNode struct {
	Data   string `required:"" help:"Data folder." type:"path" env:"WEIR_HUB_DATA" placeholder:"DIR"`
	API    string `name:"api" help:"Address of the server API." default:"127.0.0.1:8444" env:"WEIR_HUB_API" placeholder:"HOST:PORT"`
	Cert   string `help:"Certificate chain of the server API, PEM. Without it the API is plain HTTP, on loopback addresses only." type:"path" env:"WEIR_HUB_CERT" placeholder:"FILE"`
	Key    string `help:"Its private key." type:"path" env:"WEIR_HUB_KEY" placeholder:"FILE"`
	Link   string `help:"UDP address that edges connect to." default:"127.0.0.1:8445" env:"WEIR_HUB_LINK" placeholder:"HOST:PORT"`
	Mesh   string `help:"UDP address that the region's other nodes connect to." default:"127.0.0.1:8447" env:"WEIR_HUB_MESH" placeholder:"HOST:PORT"`
	Admin  string `help:"Private address: health, metrics, profiles." default:"127.0.0.1:8446" env:"WEIR_HUB_ADMIN" placeholder:"HOST:PORT"`
	NodeID string `name:"node-id" help:"Name of this node in its region, for good." default:"hub-1" env:"WEIR_HUB_NODE_ID" placeholder:"NAME"`

	AdvertiseAPI  string `name:"advertise-api" help:"URL of the server API for others, if it is not that of --api." env:"WEIR_HUB_ADVERTISE_API" placeholder:"URL"`
	AdvertiseLink string `help:"Where edges reach this node, if not at --link." env:"WEIR_HUB_ADVERTISE_LINK" placeholder:"HOST:PORT"`
	AdvertiseMesh string `help:"Where other nodes reach this one, if not at --mesh." env:"WEIR_HUB_ADVERTISE_MESH" placeholder:"HOST:PORT"`

	StopTimeout time.Duration `help:"When told to stop, end after this time whatever is still under way." default:"10s" env:"WEIR_HUB_STOP_TIMEOUT" placeholder:"DURATION"`
	VerifyEvery time.Duration `help:"How often all that is on disk is read, to find what has rotted; negative: only when told." default:"168h" env:"WEIR_HUB_VERIFY_EVERY" placeholder:"DURATION"`
	VerifyRate  int           `help:"Bytes a second that this may read." default:"8388608" env:"WEIR_HUB_VERIFY_RATE" placeholder:"BYTES"`

	ClockSkew time.Duration `hidden:"" help:"Added to the clock, for tests." env:"WEIR_HUB_CLOCK_SKEW"`
	Config    string        `help:"YAML file with these settings." type:"path" env:"WEIR_HUB_CONFIG" placeholder:"FILE"`
}

func (hubRun) Help() string {
	return `Orders and stores the events of a region. The first start makes, in the data folder, admin.key, an operator's API
key, and link/, the certificates for edges: copy ca.pem, edge.pem and edge-key.pem from there to each edge.

A region of three or five nodes begins when all of them have met that --peers lists. Each needs a certificate of the same
authority, which "weir ca issue" makes, in the folder link/ of its data folder.

Told to stop, by SIGTERM or Ctrl-C, it hands over what it leads, answers what it has accepted, and tells edges and callers to
go elsewhere, for --stop-timeout at most; a second signal ends it at once. Nothing acknowledged depends on either.

Examples:

    weir hub --data /var/lib/weir
    weir hub --config /etc/weir/hub.yaml
    weir hub --data /var/lib/weir --node-id hub-4 --join 10.0.0.1:8447
    weir tenant create acme --api http://127.0.0.1:8444 --api-key "$(cat /var/lib/weir/admin.key)"

hub.yaml of a region of three:

    data: /var/lib/weir
    node-id: hub-1
    peers:
      - {id: hub-1, mesh: "10.0.0.1:8447", link: "10.0.0.1:8445", api: "https://10.0.0.1:8444"}
      - {id: hub-2, mesh: "10.0.0.2:8447", link: "10.0.0.2:8445", api: "https://10.0.0.2:8444"}
      - {id: hub-3, mesh: "10.0.0.3:8447", link: "10.0.0.3:8445", api: "https://10.0.0.3:8444"}`
}

// stopGrace is how long calls that are being answered may take when a hub or an edge is told to stop. Those that wait for
// other nodes, which may be away, are then answered that it is going away.
const stopGrace = 2 * time.Second

func (c *hubRun) Run(ctx context.Context, con *console, log *slog.Logger) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	parts := lifecycle.New()
	defer func() { err = errors.Join(err, parts.Close(stopGrace, c.StopTimeout)) }()
	s := &hubProcess{command: c, parts: parts, log: log, metrics: private.NewRegistry(), stats: filterstats.New(log)}
	for _, step := range []func(context.Context) error{s.openCertificate, s.serveAdmin, s.open, s.follow, s.serveAPI, s.serveLink} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.gate.Start()
	fmt.Fprintf(con.err, "hub %s: server API on %s, link for edges on %s, mesh on %s, admin on http://%s\n",
		c.NodeID, s.apiURL, s.linkAddr, s.meshAddr, s.adminAddr)
	fmt.Fprintf(con.err, "operator's key in %s, certificates for edges in %s\n",
		filepath.Join(c.Data, "admin.key"), filepath.Join(c.Data, link.Folder))
	parts.GoOwned("hub", s.hub.Wait)
	if err := parts.Wait(ctx); err != nil {
		return err
	}
	fmt.Fprintln(con.err, "handing over and stopping; interrupt again to stop at once")
	return nil
}

// check refuses settings that contradict each other.
func (c *hubRun) check() error {
	named := func(p hubPeer) bool { return p.ID == c.NodeID }
	switch {
	case len(c.Peers) > 0 && len(c.Join) > 0:
		return usagef("--peers is for the nodes of a new region, --join for one that comes later", "--peers and --join exclude each other")
	case len(c.Peers) > 0 && !slices.ContainsFunc(c.Peers, named):
		return usagef("give --node-id", "this node, %q, is not among the peers", c.NodeID)
	case c.StopTimeout <= 0:
		return usagef("", "--stop-timeout must be positive")
	case c.VerifyRate < 1:
		return usagef("", "--verify-rate has to be at least 1 byte a second, not %d", c.VerifyRate)
	case c.Shards < 1 || c.Shards > maxShards:
		return usagef("", "a region has 1 to %d shards, not %d", maxShards, c.Shards)
	case (c.Cert == "") != (c.Key == ""):
		return usagef("", "--cert and --key need each other")
	case c.Cert == "" && !mayBeLoopback(c.API):
		return plainAPI(c.API)
	}
	return ca.CheckNode(c.NodeID)
}

// plainAPI says why the server API must be served by TLS at an address.
func plainAPI(addr string) error {
	return usagef("give --cert and --key, or a loopback address", "the server API can't be plain HTTP on %s: keys would travel in the clear", addr)
}

// mayBeLoopback reports whether an address is on this machine alone, as far as it can be told without looking a name up.
func mayBeLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return true // it can't be listened at, which is another error
	}
	ip, err := netip.ParseAddr(host)
	return host != "" && (err != nil || ip.IsLoopback())
}

// maxShards bounds the shards of a region: each costs heartbeats and files of its own.
const maxShards = 64

// A hubProcess is what "weir hub" runs.
type hubProcess struct {
	command *hubRun
	parts   *lifecycle.Lifecycle
	log     *slog.Logger
	metrics *prometheus.Registry
	gate    private.Gate

	hub      *hub.Hub
	filters  *filters.Engine
	identity *link.Identity
	client   *hubclient.Client
	// certificate is the server API's; nil: it is plain HTTP.
	certificate *edge.CertificateFiles
	// answer answers what another node of the region has passed on.
	answer func(ctx context.Context, procedure string, request []byte) ([]byte, error)
	// stats adds up what edges report of their filters, node says what this node knows of it.
	stats *filterstats.Ledger
	node  *filterstats.Node

	apiURL    string
	linkAddr  net.Addr
	meshAddr  net.Addr
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
	c := s.command
	s.hub, err = hub.Open(ctx, hub.Config{
		Dir: c.Data, NodeID: c.NodeID, Logger: s.log, Registerer: s.metrics, Connect: s.connect,
		Peers: peersOf(c.Peers), Join: c.Join, Shards: c.Shards, Advertise: c.advertised(),
		VerifyEvery: c.VerifyEvery, VerifyRate: c.VerifyRate,
		Now: func() time.Time { return time.Now().Add(c.ClockSkew) },
		// There is no engine yet.
		Inspect: func(ctx context.Context, u *hub.Upload) ([]string, error) { return inspect.Upload(ctx, s.filters, u) },
	})
	if err != nil {
		return err
	}
	s.parts.OnClose("hub", func(context.Context) error { return s.hub.Close() })
	s.filters, err = filters.New(ctx, filters.Config{
		CacheDir: filepath.Join(s.command.Data, "cache"), Logger: s.log.With("part", "filters"), Compiling: inspect.Compiling,
	})
	if err != nil {
		return fmt.Errorf("start the filter engine: %w", err)
	}
	s.parts.OnClose("filters", s.filters.Close)
	return nil
}

// connect joins the node with the others of its region.
func (s *hubProcess) connect(resolve func(node string) (addr string, ok bool)) (hub.Transport, error) {
	var err error
	s.identity, err = link.EnsureIdentity(s.command.Data, s.command.NodeID, time.Now(), s.log)
	if err != nil {
		return nil, err
	}
	certificates := s.identity.Certificates()
	if err := certificates.Register(s.metrics); err != nil {
		return nil, err
	}
	conn, err := net.ListenPacket("udp", s.command.Mesh)
	if err != nil {
		return nil, addressFailure("mesh", err)
	}
	s.meshAddr = conn.LocalAddr()
	return hub.Mesh(hub.MeshConfig{
		Node: s.command.NodeID, Identity: certificates, Conn: conn, Logger: s.log.With("part", "mesh"), Registerer: s.metrics,
	})(resolve)
}

// follow has calls that this node does not lead answered by the node that does.
func (s *hubProcess) follow(context.Context) error {
	s.node = filterstats.NewNode(s.hub, s.stats)
	s.answer = gateway.AnswerStats(s.node, gateway.Answer(s.hub))
	var err error
	s.client, err = hubclient.New(hubclient.Config{
		TLS: link.ClientTLS(s.identity.Certificates()), Agent: currentBuild().agent(),
		Logger: s.log.With("part", "gateway"), Registerer: s.metrics,
		Local: &hubclient.Local{Node: s.command.NodeID, Hub: s.hub, Answer: s.answer},
	})
	if err != nil {
		return err
	}
	s.parts.OnClose("gateway", func(context.Context) error { return s.client.Close() })
	return nil
}

// serveAPI serves the server API: by TLS, or by plain HTTP where it stays on this machine.
func (s *hubProcess) serveAPI(context.Context) error {
	handler, err := api.New(api.Config{
		Hub: gateway.New(s.hub, s.client), Stats: gateway.NewStats(s.node, s.client), Logger: s.log.With("part", "api"), Registerer: s.metrics,
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for _, pattern := range handler.Patterns() {
		mux.Handle(pattern, handler)
	}
	mux.Handle(api.BackupPath, api.NewBackupHandler(s.hub, s.log.With("part", "api")))
	sockets, err := listen.TCP(s.command.API)
	if err != nil {
		return addressFailure("api", err)
	}
	s.parts.OnClose("api socket", func(context.Context) error { return sockets.Close() })
	server := &http.Server{Handler: mux, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	if s.certificate == nil {
		if !sockets.Addr().Addr().IsLoopback() {
			return plainAPI(sockets.Addr().String())
		}
		s.apiURL = "http://" + sockets.Addr().String()
		server.Protocols.SetUnencryptedHTTP2(true) // gRPC needs HTTP/2
		s.parts.ServeHTTP("api", server, sockets...)
		return nil
	}
	s.apiURL = "https://" + sockets.Addr().String()
	server.Protocols.SetHTTP2(true)
	config := &tls.Config{
		GetCertificate: s.certificate.GetCertificate, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"},
	}
	for i := range sockets {
		sockets[i] = tls.NewListener(sockets[i], config)
	}
	s.parts.ServeHTTP("api", server, sockets...)
	return nil
}

// openCertificate reads the server API's certificate, if there is one, before anything is written.
func (s *hubProcess) openCertificate(context.Context) (err error) {
	if s.command.Cert == "" {
		return nil
	}
	if s.certificate, err = edge.OpenCertificateFiles(s.command.Cert, s.command.Key, s.log); err != nil {
		return failf("--cert and --key name PEM files", "%w", err)
	}
	return nil
}

func (s *hubProcess) serveLink(context.Context) error {
	server, err := link.New(link.Config{
		Hub: s.hub, Call: s.answer, Admit: s.hub.MayUseLink, Identity: s.identity, Stats: s.stats, Node: s.command.NodeID, Agent: currentBuild().agent(),
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
