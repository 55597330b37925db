package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/hub"
	"weir/hub/api"
	"weir/hub/gateway"
	"weir/hub/hubclient"
	"weir/hub/internal/linktest"
	"weir/hub/internal/placement"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	_ gateway.Hub   = (*hub.Hub)(nil)
	_ hubclient.Hub = (*gateway.Gateway)(nil)
)

var quiet = slog.New(slog.DiscardHandler)

var errNotLeader = fault.New(fault.NotLeader, "another node leads")

// A node is one of a region, as far as the server API asks: of the control state it has tenants.
type node struct {
	link
	api.Hub // nil: not asked in these tests

	region *region
	name   string
	asked  chan string // by calls that this node answers
	stats
}

type link = *linktest.Node

// A region is three nodes, with a gateway each.
type region struct {
	*linktest.Region
	nodes    []*node
	gateways []*gateway.Gateway
	clients  []*hubclient.Client // of the gateways
	links    []string            // addresses of the nodes' links
	identity *identity

	mu      sync.Mutex
	leader  map[string]bool  // who takes itself for the leader of the control group; guarded by mu
	tenants []*weirpb.Tenant // guarded by mu
}

func (r *region) leadControl(names ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leader = map[string]bool{}
	for _, n := range names {
		r.leader[n] = true
	}
	r.Lead(placement.Control, names[0])
}

func (n *node) CreateTenant(_ context.Context, q *weirpb.CreateTenantRequest) (*weirpb.Tenant, error) {
	n.region.mu.Lock()
	defer n.region.mu.Unlock()
	if !n.region.leader[n.name] {
		return nil, errNotLeader
	}
	n.asked <- n.name
	t := &weirpb.Tenant{Name: q.GetName()}
	n.region.tenants = append(n.region.tenants, t)
	return t, nil
}

func (n *node) ListTenants(context.Context, *weirpb.ListTenantsRequest) (*weirpb.ListTenantsResponse, error) {
	n.region.mu.Lock()
	defer n.region.mu.Unlock()
	return &weirpb.ListTenantsResponse{Tenants: n.region.tenants}, nil
}

func (n *node) GetChannel(_ context.Context, q *weirpb.GetChannelRequest) (*weirpb.Channel, error) {
	if err := n.Leads(q.GetTenant(), q.GetChannel(), 0); err != nil {
		return nil, err
	}
	return &weirpb.Channel{Name: q.GetChannel()}, nil
}

func (n *node) Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) {
	n.link.Publish(tenant, p, done)
}

func (n *node) History(ctx context.Context, q *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error) {
	return n.link.History(ctx, q)
}

func newRegion(t *testing.T) *region {
	t.Helper()
	dir := t.TempDir()
	identity, err := linkIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	links := map[string]string{}
	var sockets []net.PacketConn
	for i := range 3 {
		socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		sockets = append(sockets, socket)
		links[fmt.Sprint("hub-", i+1)] = socket.LocalAddr().String()
	}
	r := &region{Region: linktest.NewRegion(4, links), identity: identity}
	for i, socket := range sockets {
		name := fmt.Sprint("hub-", i+1)
		n := &node{link: r.Node(name), region: r, name: name, asked: make(chan string, 100)}
		n.restart()
		r.nodes, r.links = append(r.nodes, n), append(r.links, socket.LocalAddr().String())
		client := serve(t, n, identity, socket)
		r.clients, r.gateways = append(r.clients, client), append(r.gateways, gateway.New(n, client))
	}
	return r
}

// serve starts a node: the link for the others, and the client of its gateway.
func serve(t *testing.T, n *node, identity *identity, socket net.PacketConn) *hubclient.Client {
	t.Helper()
	server, err := newServer(n, identity)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, socket) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	client, err := hubclient.New(hubclient.Config{
		TLS: identity.client(), Logger: quiet,
		Local: &hubclient.Local{Node: n.name, Hub: n, Answer: gateway.Answer(n)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestEveryNodeAnswersEverything(t *testing.T) {
	r := newRegion(t)
	for i, group := range r.Groups() {
		r.Lead(group, r.nodes[i%3].name)
	}
	for i, leader := range r.nodes {
		r.leadControl(leader.name)
		for j, g := range r.gateways {
			name := fmt.Sprint("t", i, j)
			if _, err := g.CreateTenant(t.Context(), &weirpb.CreateTenantRequest{Name: name}); err != nil {
				t.Fatalf("CreateTenant at %s where %s leads: %v", r.nodes[j].name, leader.name, err)
			}
			if by := <-leader.asked; by != leader.name {
				t.Errorf("%s has answered", by)
			}
			if _, err := g.ListTenants(t.Context(), &weirpb.ListTenantsRequest{}); err != nil {
				t.Errorf("ListTenants: %v", err)
			}
		}
	}
	for i := range 12 {
		g, channel := r.gateways[i%3], fmt.Sprint("chat:", i)
		done := make(chan error, 1)
		g.Publish("acme", &weirpb.Publication{Channel: channel}, func(_ *weirpb.Receipt, err error) { done <- err })
		if err := <-done; err != nil {
			t.Errorf("Publish: %v", err)
		}
		if c, err := g.GetChannel(t.Context(), &weirpb.GetChannelRequest{Tenant: "acme", Channel: channel}); err != nil || c.GetName() != channel {
			t.Errorf("GetChannel: %v, %v", c, err)
		}
		if _, err := g.History(t.Context(), &weirpb.HistoryRequest{Tenant: "acme", Channel: channel, Limit: 1}); err != nil {
			t.Errorf("History: %v", err)
		}
	}
}

// Publications that are handed over one after another keep their order while the leader changes.
func TestOrderIsKept(t *testing.T) {
	r := newRegion(t)
	r.LeadAll("hub-1")
	const n = 300
	var answers sync.WaitGroup
	answers.Add(n)
	for i := range n {
		if i%50 == 49 {
			r.LeadAll(r.nodes[(i/50)%3].name)
		}
		r.gateways[1].Publish("acme", &weirpb.Publication{Channel: "chat", Payload: fmt.Appendf(nil, "%03d", i)},
			func(_ *weirpb.Receipt, err error) {
				if err != nil && fault.CodeOf(err) != fault.Unavailable {
					t.Errorf("Publish: %v", err)
				}
				answers.Done()
			})
	}
	answers.Wait()
	latest := ""
	for _, e := range r.Events("chat") {
		if string(e.GetPayload()) <= latest {
			t.Fatalf("%s comes after %s", e.GetPayload(), latest)
		}
		latest = string(e.GetPayload())
	}
}

// Two nodes that take each other for the leader do not send a call round and round: each is asked, and refuses.
func TestNoLoops(t *testing.T) {
	r := newRegion(t)
	r.leadControl("nobody")
	r.Lead(placement.Control, "hub-2")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, errors.New("enough"))
	defer cancel()
	_, err := r.gateways[0].CreateTenant(ctx, &weirpb.CreateTenantRequest{Name: "acme"})
	if code := fault.CodeOf(err); code != fault.Timeout && code != fault.NotLeader {
		t.Errorf("CreateTenant where nobody leads: %v", err)
	}
	for _, n := range r.nodes {
		if len(n.asked) > 0 {
			t.Errorf("%s has answered", n.name)
		}
	}
}

func TestAnswerRefusesWhatItDoesNotKnow(t *testing.T) {
	answer := gateway.Answer(nil)
	for procedure, request := range map[string]string{
		"": "", "/weir.v1.EventService/Publish": "", "/weir.v1.TenantService/CreateTenant": "\xff",
	} {
		if _, err := answer(t.Context(), procedure, []byte(request)); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%q: %v", procedure, err)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("/weir.v1.TenantService/CreateTenant", []byte("\x0a\x04acme"))
	f.Fuzz(func(t *testing.T, procedure string, request []byte) {
		n := &node{region: &region{}, asked: make(chan string, 1)}
		if procedure != "/weir.v1.TenantService/CreateTenant" {
			return // the others are not there
		}
		_, _ = gateway.Answer(n)(t.Context(), procedure, request)
	})
}
