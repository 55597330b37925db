package hub

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"weir/proto/fault"
	"weir/proto/meshpb"
	"weir/proto/weirpb"
)

// TestRemovedNodeIsRefused has a node that was removed while it was down come back with what it had.
func TestRemovedNodeIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.startAll()
	c.withTenant()
	c.publish(&weirpb.Publication{Channel: "chat:a"})
	c.stop("hub-3")
	c.join("hub-4")
	c.eventually("hub-4 is known", func() bool { return c.nodes["hub-1"].control.State().Nodes["hub-4"] != nil })
	c.retire("hub-3", "hub-4")
	c.awaitMembers("hub-1", "hub-2", "hub-4")
	c.ready()

	back, err := Open(testContext(t), c.config("hub-3"))
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range c.nodes {
		c.eventually(name+" knows that it was removed", func() bool { return h.checkMember("hub-3") != nil })
		if err := h.checkMember("hub-2"); err != nil {
			t.Errorf("%s refuses a member: %v", name, err)
		}
		_, err := call[meshpb.NodeStatus](testContext(t), back, name, methodStatus, &meshpb.GetStatus{Region: back.region.ID})
		if fault.CodeOf(err) != fault.PermissionDenied {
			t.Errorf("%s answers its calls with %v", name, err)
		}
	}
	err = back.Wait(testContext(t))
	if f := fault.From(err); f.Code != fault.PermissionDenied || !strings.Contains(f.Message, "removed from the region") || f.Hint == "" {
		t.Errorf("it ends with %v", err)
	}
	for name := range c.nodes {
		_, err := back.transport.StreamLayer(1).Dial(raft.ServerAddress(name), time.Second)
		if err == nil || !strings.Contains(err.Error(), "removed from the region") {
			t.Errorf("its streams to %s are answered with %v", name, err)
		}
	}
	if err := back.Close(); err != nil {
		t.Fatal(err)
	}
	if r := c.publish(&weirpb.Publication{Channel: "chat:a"}); r.GetOffset() != 2 {
		t.Errorf("the next offset is %d", r.GetOffset())
	}
}

// TestLateTableKeepsNobodyOut asks a node that does not hear from the control group's leader whether it lets in whom it does not
// know.
func TestLateTableKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.startAll()
	late := c.nodes["hub-3"]
	c.eventually("strangers are refused", func() bool { return late.checkMember("hub-9") != nil })
	c.net.Part([]string{"hub-3"}, []string{"hub-1", "hub-2"})
	c.eventually("strangers are let in", func() bool { return late.checkMember("hub-9") == nil })
	ctx, cancel := context.WithTimeout(testContext(t), 0)
	defer cancel()
	if _, err := late.answerBelongs(ctx, "hub-9", &meshpb.GetStatus{Region: late.region.ID}); fault.CodeOf(err) != fault.NotLeader {
		t.Errorf("whether somebody belongs is answered with %v", err)
	}
	c.net.Heal()
	c.eventually("strangers are refused again", func() bool { return late.checkMember("hub-9") != nil })
}

// TestOldProcessOfAUsedNameStops has a node be removed while it is down, another one take its name, and the first come back: with
// what it had, under its own address, over real connections. It must not be taken for the new one by anybody.
func TestOldProcessOfAUsedNameStops(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	wired(c)
	c.startAll()
	c.withTenant()
	c.publish(&weirpb.Publication{Channel: "chat:a"})
	c.stop("hub-3")
	c.retire("hub-3", "")
	c.awaitMembers("hub-1", "hub-2")

	again := c.config("hub-3")
	again.Dir, again.Peers, again.Join = again.Dir+"-again", nil, []string{c.wires.relay("hub-1"), c.wires.relay("hub-2")}
	again.Advertise = c.addresses("hub-3 again")
	again.Connect = c.wires.connect("hub-3", "hub-3 again")
	h, err := Open(testContext(t), again)
	if err != nil {
		t.Fatal(err)
	}
	c.set("hub-3", h)
	c.awaitMembers("hub-1", "hub-2", "hub-3")
	c.ready()

	old, err := Open(testContext(t), c.config("hub-3"))
	if err != nil {
		t.Fatal(err)
	}
	term := h.groups[1].replica.Term()
	why := old.Wait(testContext(t))
	if f := fault.From(why); f.Code != fault.PermissionDenied || !strings.Contains(f.Message, "removed from the region") {
		t.Errorf("it ends with %v", why)
	}
	if heard := old.groups[1].replica.Heard(); !heard.IsZero() {
		t.Errorf("a leader has taken it for the new one, at %v", heard)
	}
	// Others may hold elections of their own on a busy machine. One that it had brought about would be of a term that it had too.
	if stood := old.groups[1].replica.Term(); stood > term {
		t.Errorf("it has stood for election: its term is %d, that of the region was %d", stood, term)
	}
	if err := old.Close(); err != nil {
		t.Error(err)
	}
	if r := c.publish(&weirpb.Publication{Channel: "chat:a"}); r.GetOffset() != 2 {
		t.Errorf("the next offset is %d", r.GetOffset())
	}
}

// TestRemovedNodeAsksPastOneThatIsSilent has the node that is asked first take all the time there is.
func TestRemovedNodeAsksPastOneThatIsSilent(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.startAll()
	c.withTenant()
	h := c.nodes["hub-3"]
	first := h.others()[0]
	c.net.Node(first).Handle(methodBelongs, func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	c.net.Node(h.others()[1]).Handle(methodBelongs, func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		if err := ctx.Err(); err != nil { // nothing would have come here
			return nil, err
		}
		return proto.Marshal(wrapperspb.Bool(false))
	})
	h.askWhetherRemoved()
	if err := h.status.check(); fault.CodeOf(err) != fault.PermissionDenied {
		t.Errorf("it goes on: %v", err)
	}
}

// A listening transport notes which nodes were disconnected.
type listening struct {
	Transport
	gone []string
}

func (l *listening) Disconnect(node string) { l.gone = append(l.gone, node) }

// TestGoneNodeIsDisconnectedLater has this node's table of nodes be late when it finds that one has gone.
func TestGoneNodeIsDisconnectedLater(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.startAll()
	late := c.nodes["hub-3"]
	l := &listening{Transport: late.transport}
	c.eventually("strangers are refused", func() bool { return late.checkMember("hub-9") != nil })
	c.net.Part([]string{"hub-3"}, []string{"hub-1", "hub-2"})
	c.eventually("strangers are let in", func() bool { return late.checkMember("hub-9") == nil })
	known := late.disconnectGoneBy(l, []string{"hub-9"})
	if len(l.gone) > 0 {
		t.Errorf("%v are disconnected by a table that may be late", l.gone)
	}
	c.net.Heal()
	c.eventually("strangers are refused again", func() bool { return late.checkMember("hub-9") != nil })
	if known = late.disconnectGoneBy(l, known); !slices.Equal(l.gone, []string{"hub-9"}) {
		t.Errorf("%v are disconnected once the table is the latest", l.gone)
	}
	if late.disconnectGoneBy(l, known); len(l.gone) != 1 {
		t.Errorf("%v are disconnected again", l.gone)
	}
}
