package link_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"weir/hub/internal/linktest"
	"weir/hub/internal/linkwire"
	"weir/hub/link"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// serveCalls serves a hub that answers calls with their procedure, and returns how hubs connect.
func serveCalls(t *testing.T, h link.Hub, change ...func(*link.Config)) (addr net.Addr, asHub, asEdge *tls.Config) {
	t.Helper()
	dir := t.TempDir()
	identity, err := link.EnsureIdentity(dir, "hub-1", time.Now(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	if asEdge, err = link.EdgeTLS(dir + "/" + link.Folder); err != nil {
		t.Fatal(err)
	}
	cfg := link.Config{
		Hub: h, Identity: identity, Node: "hub-1", Logger: quiet,
		Call: func(_ context.Context, procedure string, request []byte) ([]byte, error) {
			if procedure == "refuse" {
				return nil, fault.New(fault.NotLeader, "another node leads")
			}
			return append([]byte(procedure), request...), nil
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	server, err := link.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, conn) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return conn.LocalAddr(), link.ClientTLS(identity.Certificates()), asEdge
}

// request sends one frame on a stream of its own.
func request(t *testing.T, conn *quic.Conn, kind frame.Type, m *linkpb.Call) *linkwire.Reader {
	t.Helper()
	stream, err := conn.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	if err := linkwire.NewWriter(stream).Send(kind, m, linkwire.MaxCall); err != nil {
		t.Fatal(err)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	return linkwire.NewReader(stream, linkwire.MaxResult)
}

func TestCallsAreForHubs(t *testing.T) {
	addr, asHub, asEdge := serveCalls(t, &linktest.Hub{})
	hub, err := quic.DialAddr(t.Context(), addr.String(), asHub, linkwire.EdgeConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hub.CloseWithError(linkwire.CodeDone, "") }()
	large := make([]byte, 4<<20) // a module
	answer, result := request(t, hub, linkwire.Call, &linkpb.Call{Procedure: "echo", Request: large}), &linkpb.Result{}
	if err := answer.Answer(linkwire.Result, result); err != nil || len(result.GetResponse()) != len("echo")+len(large) {
		t.Errorf("a hub's call: %d bytes, %v", len(result.GetResponse()), err)
	}
	var ended *linkwire.Ended
	answer = request(t, hub, linkwire.Call, &linkpb.Call{Procedure: "refuse"})
	if err := answer.Answer(linkwire.Result, result); !errors.As(err, &ended) || ended.Fault.Code != fault.NotLeader {
		t.Errorf("a call that is refused: %v", err)
	}

	edge, err := quic.DialAddr(t.Context(), addr.String(), asEdge, linkwire.EdgeConfig())
	if err != nil {
		t.Fatal(err)
	}
	request(t, edge, linkwire.Call, &linkpb.Call{Procedure: "echo"})
	<-edge.Context().Done()
	var closed *quic.ApplicationError
	if err := context.Cause(edge.Context()); !errors.As(err, &closed) || closed.ErrorCode != linkwire.CodeViolation {
		t.Errorf("an edge's call ends with %v, want a violation", err)
	}
}

// fenced leads in term 7 alone.
type fenced struct{ linktest.Hub }

func (*fenced) Leads(_, _ string, term uint64) error {
	if term != 0 && term != 7 {
		return fault.New(fault.NotLeader, "this node leads in term 7")
	}
	return nil
}

// What was meant for the leader of another term is not accepted, wherever it was on its way.
func TestPublicationsOfAnotherTermAreRefused(t *testing.T) {
	h := &fenced{}
	addr, _, asEdge := serveCalls(t, h)
	edge, err := quic.DialAddr(t.Context(), addr.String(), asEdge, linkwire.EdgeConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = edge.CloseWithError(linkwire.CodeDone, "") }()
	stream, err := edge.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	w, r := linkwire.NewWriter(stream), linkwire.NewReader(stream, linkwire.MaxPublished)
	if err := w.Send(linkwire.Hello, &linkpb.Hello{}, linkwire.MaxRequest); err != nil {
		t.Fatal(err)
	}
	if err := r.Answer(linkwire.Welcome, &linkpb.Welcome{}); err != nil {
		t.Fatal(err)
	}
	for term, want := range map[uint64]fault.Code{0: "", 6: fault.NotLeader, 7: "", 8: fault.NotLeader} {
		before := len(h.Events("chat"))
		p := &linkpb.Publish{Id: term + 1, Tenant: "acme", Publication: &weirpb.Publication{Channel: "chat"}, Term: term}
		if err := w.Send(linkwire.Publish, p, linkwire.MaxPublish); err != nil {
			t.Fatal(err)
		}
		answer := &linkpb.Published{}
		if err := r.Answer(linkwire.Published, answer); err != nil || answer.GetId() != p.GetId() {
			t.Fatalf("%v, %v", answer, err)
		}
		if got := fault.Code(answer.GetFault().GetCode()); got != want || (len(h.Events("chat")) > before) != (want == "") {
			t.Errorf("term %d: %q, %d events", term, got, len(h.Events("chat")))
		}
	}
}
