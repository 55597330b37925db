package hub

import (
	"strings"
	"testing"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// TestGroupIsRecoveredFromOneLog loses two logs of three, which no group survives by itself.
func TestGroupIsRecoveredFromOneLog(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.startAll()
	c.withTenant()
	ctx := testContext(t)
	h := c.nodes["hub-1"]
	if _, err := h.RecoverGroup(ctx, &weirpb.RecoverGroupRequest{Group: 1, Node: "hub-3"}); fault.CodeOf(err) != fault.InvalidArgument ||
		!strings.Contains(err.Error(), "has a majority") {
		t.Errorf("a group that is well: %v", err)
	}
	for range 20 {
		c.publish(&weirpb.Publication{Channel: "chat:other", Payload: []byte("x")})
	}
	lost := []string{"hub-1", "hub-2"}
	c.eventually("the third has everything", func() bool {
		one, _ := c.nodes["hub-1"].groups[1].replica.End()
		three := c.nodes["hub-3"].groups[1]
		return three.replica.Committed() == one && three.machine.Applied() > 0
	})
	// Both at once: else the first may be removed from the group before the second breaks.
	c.net.Part([]string{"hub-1"}, []string{"hub-2", "hub-3"})
	c.net.Part([]string{"hub-2"}, []string{"hub-3"})
	for _, name := range lost {
		c.nodes[name].groups[1].replica.BreakDown(errLog)
	}
	for _, name := range lost {
		c.eventually("it is set aside", func() bool { return setAside(t, c.nodes[name]) == 1 })
	}
	c.net.Heal()
	if _, err := h.RecoverGroup(ctx, &weirpb.RecoverGroupRequest{Group: 1, Node: "hub-1"}); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("with a lost log: %v", err)
	}
	if _, err := h.RecoverGroup(ctx, &weirpb.RecoverGroupRequest{Group: 1, Node: "hub-3", Lost: []string{"hub-2"}}); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("without one that answers: %v", err)
	}
	plan, err := h.RecoverGroup(ctx, &weirpb.RecoverGroupRequest{Group: 1, Node: "hub-3"})
	if err != nil {
		t.Fatal(err)
	}
	if plan.GetDone() || plan.GetMayLose() || plan.GetKept().GetLast() == 0 || len(plan.GetOthers()) != 2 || plan.GetOthers()[0].GetAils() != "log" {
		t.Errorf("the plan is %v", plan)
	}
	if _, err := h.RecoverGroup(ctx, &weirpb.RecoverGroupRequest{Group: 1, Node: "hub-3", Last: plan.GetKept().GetLast() + 1}); err == nil {
		t.Error("another plan is carried out")
	}
	done, err := h.RecoverGroup(ctx, &weirpb.RecoverGroupRequest{Group: 1, Node: "hub-3", Last: plan.GetKept().GetLast()})
	if err != nil || !done.GetDone() {
		t.Fatal(done, err)
	}
	c.rebuilt()
	if r := c.publish(&weirpb.Publication{Channel: "chat:other"}); r.GetOffset() != 21 {
		t.Errorf("the next offset is %d", r.GetOffset())
	}
	c.awaitMembers("hub-1", "hub-2", "hub-3")
}

// TestUnknownLogsMayHaveMore has two nodes of three be gone, in whose logs nobody can look.
func TestUnknownLogsMayHaveMore(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.startAll()
	c.withTenant()
	c.publish(&weirpb.Publication{Channel: "chat:a"})
	c.stop("hub-1")
	c.stop("hub-2")
	h, ctx := c.nodes["hub-3"], testContext(t)
	request := &weirpb.RecoverGroupRequest{Group: 1, Node: "hub-3", Lost: []string{"hub-1"}}
	if _, err := h.RecoverGroup(ctx, request); fault.CodeOf(err) != fault.InvalidArgument || !strings.Contains(fault.From(err).Hint, "--lost hub-2") {
		t.Errorf("of one nothing is known: %v", err)
	}
	request.Lost = append(request.Lost, "hub-2")
	for _, group := range []uint32{0, 1} {
		request.Group, request.Last = group, 0
		plan, err := h.RecoverGroup(ctx, request)
		if err != nil || !plan.GetMayLose() {
			t.Fatal(plan, err)
		}
		request.Last = plan.GetKept().GetLast()
		if done, err := h.RecoverGroup(ctx, request); err != nil || !done.GetDone() {
			t.Fatal(done, err)
		}
	}
	if r := c.publish(&weirpb.Publication{Channel: "chat:a"}); r.GetOffset() != 2 {
		t.Errorf("the next offset is %d", r.GetOffset())
	}
}
