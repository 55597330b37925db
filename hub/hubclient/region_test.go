package hubclient_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/hub/hubclient"
	"weir/hub/internal/linktest"
	"weir/hub/internal/logtest"
	"weir/hub/internal/placement"
	"weir/hub/link"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A nodeProcess is a hub node that can be stopped and started.
type nodeProcess struct {
	name   string
	socket net.PacketConn
	stop   context.CancelFunc
	ended  chan error
}

// A regionOfNodes is three hub nodes and a client that has been told of one of them.
type regionOfNodes struct {
	*linktest.Region
	network  *linktest.Network
	nodes    []*nodeProcess
	identity *link.Identity
	client   *hubclient.Client
	log      *logtest.Buffer
}

const testShards = 4

func inRegionOfNodes(t *testing.T, test func(t *testing.T, r *regionOfNodes)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := &regionOfNodes{log: &logtest.Buffer{}}
		logger := slog.New(slog.NewTextHandler(r.log, nil))
		var err error
		if r.identity, err = link.EnsureIdentity(dir, "hub-1", time.Now(), logger); err != nil {
			t.Fatal(err)
		}
		edge, err := link.EdgeTLS(dir + "/" + link.Folder)
		if err != nil {
			t.Fatal(err)
		}
		edge.Time = time.Now // that of the test
		network, sockets, edgeSocket := linktest.NewRegionNetwork(t, 3)
		r.network = network
		links := map[string]string{}
		for i, s := range sockets {
			name := fmt.Sprint("hub-", i+1)
			links[name] = s.LocalAddr().String()
			r.nodes = append(r.nodes, &nodeProcess{name: name, socket: s})
		}
		r.Region = linktest.NewRegion(testShards, links)
		for _, n := range r.nodes {
			r.start(t, n)
		}
		r.client, err = hubclient.New(hubclient.Config{
			Addrs: []string{sockets[0].LocalAddr().String()}, TLS: edge, Agent: "test", Logger: logger,
			Listen: func() (net.PacketConn, error) { return edgeSocket, nil }, Registerer: prometheus.NewRegistry(),
		})
		if err != nil {
			t.Fatal(err)
		}
		test(t, r)
		if t.Failed() {
			t.Log(r.log.String())
		}
		if err := r.client.Close(); err != nil {
			t.Error(err)
		}
		for _, n := range r.nodes {
			r.shutdown(t, n)
			_ = n.socket.Close()
		}
		if err := network.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (r *regionOfNodes) start(t *testing.T, n *nodeProcess) {
	t.Helper()
	server, err := link.New(link.Config{
		Hub: r.Node(n.name), Identity: r.identity, Node: n.name, Logger: slog.New(slog.NewTextHandler(r.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	n.stop, n.ended = stop, make(chan error, 1)
	go func() { n.ended <- server.Serve(ctx, linktest.Socket{PacketConn: n.socket}) }()
}

func (r *regionOfNodes) shutdown(t *testing.T, n *nodeProcess) {
	t.Helper()
	n.stop()
	if err := <-n.ended; err != nil {
		t.Error(err)
	}
}

// Whoever leads is found, also by a client that was told of another node alone, and every request goes there.
func TestEveryRequestFindsTheLeader(t *testing.T) {
	inRegionOfNodes(t, func(t *testing.T, r *regionOfNodes) {
		for i, g := range r.Groups() {
			r.Lead(g, r.nodes[i%3].name)
		}
		for i := range 20 {
			channel := fmt.Sprint("chat:", i)
			if _, err := publish(r.client, &weirpb.Publication{Channel: channel}); err != nil {
				t.Fatalf("Publish: %v", err)
			}
			if _, err := r.client.History(t.Context(), &weirpb.HistoryRequest{Tenant: "acme", Channel: channel, Limit: 1}); err != nil {
				t.Fatalf("History: %v", err)
			}
		}
		for _, n := range r.nodes {
			r.Lead(placement.Control, n.name)
			if err := r.client.EndCanary(t.Context(), "acme", "viewport", 2, 7); err != nil {
				t.Errorf("EndCanary where %s leads: %v", n.name, err)
			}
		}
	})
}

// A request waits for an election, and costs hardly more than that.
func TestRequestsWaitForAnElection(t *testing.T) {
	inRegionOfNodes(t, func(t *testing.T, r *regionOfNodes) {
		r.LeadAll("hub-1")
		if _, err := publish(r.client, &weirpb.Publication{Channel: "chat"}); err != nil {
			t.Fatal(err)
		}
		r.LeadAll("")
		const election = 1500 * time.Millisecond
		time.AfterFunc(election, func() { r.LeadAll("hub-2") })
		start := time.Now()
		var requests sync.WaitGroup
		requests.Go(func() {
			if _, err := publish(r.client, &weirpb.Publication{Channel: "chat"}); err != nil {
				t.Errorf("Publish: %v", err)
			}
			if took := time.Since(start); took > election+100*time.Millisecond {
				t.Errorf("Publish took %v", took)
			}
		})
		requests.Go(func() {
			_, err := r.client.History(t.Context(), &weirpb.HistoryRequest{Tenant: "acme", Channel: "chat", Limit: 1})
			if took := time.Since(start); err != nil || took > election+300*time.Millisecond {
				t.Errorf("History: %v after %v", err, took)
			}
		})
		requests.Wait()
		r.LeadAll("")
		start = time.Now()
		_, err := r.client.History(t.Context(), &weirpb.HistoryRequest{Tenant: "acme", Channel: "chat", Limit: 1})
		if took := time.Since(start); fault.CodeOf(err) != fault.Unavailable || took > 10*time.Second {
			t.Errorf("History without a leader: %v after %v", err, took)
		}
	})
}

// A follower at a node that hangs moves to the one that leads instead, long before the connection is given up.
func TestFollowersLeaveANodeThatHangs(t *testing.T) {
	inRegionOfNodes(t, func(t *testing.T, r *regionOfNodes) {
		r.LeadAll("hub-1")
		following, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			ended <- r.client.Follow(t.Context(), "acme", "chat", nil, func(*weirpb.FeedBatch) error { close(following); return nil })
		}()
		<-following
		time.Sleep(time.Second) // virtual: the other sessions are up
		r.network.CutOff(r.nodes[0].socket.LocalAddr(), true)
		start := time.Now()
		r.LeadAll("hub-3")
		if err := <-ended; fault.CodeOf(err) != fault.NotLeader || time.Since(start) > 200*time.Millisecond {
			t.Errorf("Follow: %v after %v", err, time.Since(start))
		}
		if _, err := publish(r.client, &weirpb.Publication{Channel: "chat"}); err != nil || time.Since(start) > 300*time.Millisecond {
			t.Errorf("Publish: %v after %v", err, time.Since(start))
		}
	})
}

// A publication that can't be sent again fails as soon as another node is known to lead, long before the connection to the dead one
// is given up; one that can is accepted there.
func TestPublicationsLeaveANodeThatHangs(t *testing.T) {
	inRegionOfNodes(t, func(t *testing.T, r *regionOfNodes) {
		r.LeadAll("hub-1")
		if _, err := publish(r.client, &weirpb.Publication{Channel: "chat"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // virtual: the other sessions are up
		r.network.CutOff(r.nodes[0].socket.LocalAddr(), true)
		start := time.Now()
		time.AfterFunc(time.Second, func() { r.LeadAll("hub-3") })
		var requests sync.WaitGroup
		requests.Go(func() {
			_, err := publish(r.client, &weirpb.Publication{Channel: "chat", Producer: "p", Sequence: 1})
			if took := time.Since(start); err != nil || took > 1200*time.Millisecond {
				t.Errorf("with a producer: %v after %v", err, took)
			}
		})
		requests.Go(func() {
			_, err := publish(r.client, &weirpb.Publication{Channel: "chat"})
			var f *fault.Fault
			if !errors.As(err, &f) || f.Code != fault.Unavailable || !strings.Contains(f.Hint, "producer") {
				t.Errorf("without a producer: %v", err)
			}
			if took := time.Since(start); took < time.Second || took > 1600*time.Millisecond {
				t.Errorf("told after %v", took)
			}
		})
		requests.Wait()
	})
}

// Leaders change, nodes restart and are cut off again and again, under load. Every publication must be accepted exactly
// once, in its producer's order, and a follower that goes on after its last cursor must see every event once, in order.
func TestLeaderChangesLoseNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	inRegionOfNodes(t, func(t *testing.T, r *regionOfNodes) {
		const producers, each = 4, 400
		r.LeadAll("hub-1")
		followed := make(chan []*weirpb.Event)
		shared := &region{client: r.client}
		go func() { followed <- follow(t, shared, producers*each) }()
		var load sync.WaitGroup
		for p := range producers {
			load.Go(func() {
				publishAll(t, shared, fmt.Sprint("producer-", p), each, rand.New(rand.NewPCG(seed, uint64(p))))
			})
		}
		r.disturb(t, rand.New(rand.NewPCG(seed, 99)))
		load.Wait()
		events, stored := <-followed, r.Events("chat")
		if len(stored) != producers*each || len(events) != len(stored) {
			t.Fatalf("%d events stored, %d followed, want %d", len(stored), len(events), producers*each)
		}
		counts := map[string]int{}
		for i, e := range events {
			if counts[e.GetKey()]++; e.GetOffset() != uint64(i+1) || string(e.GetPayload()) != fmt.Sprint(counts[e.GetKey()]) {
				t.Fatalf("event %d has offset %d and is number %s of %s", i+1, e.GetOffset(), e.GetPayload(), e.GetKey())
			}
		}
	})
}

func (r *regionOfNodes) disturb(t *testing.T, random *rand.Rand) {
	for range 12 {
		time.Sleep(time.Duration(random.IntN(1000)) * time.Millisecond) // virtual
		victim := r.nodes[random.IntN(3)]
		next := r.nodes[random.IntN(3)].name
		switch random.IntN(4) {
		case 0: // a transfer
			r.LeadAll(next)
		case 1: // an election
			r.LeadAll("")
			time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
			r.LeadAll(next)
		case 2: // a node is cut off
			r.network.CutOff(victim.socket.LocalAddr(), true)
			time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond)
			r.LeadAll(r.other(victim.name))
			time.Sleep(time.Duration(random.IntN(15000)) * time.Millisecond)
			r.network.CutOff(victim.socket.LocalAddr(), false)
		case 3: // a node restarts, without handing over first
			r.shutdown(t, victim)
			time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond)
			r.LeadAll(r.other(victim.name))
			time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
			r.start(t, victim)
		}
	}
}

func (r *regionOfNodes) other(than string) string {
	for _, n := range r.nodes {
		if n.name != than {
			return n.name
		}
	}
	return ""
}
