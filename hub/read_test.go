package hub

import (
	"fmt"
	"slices"
	"testing"

	"weir/hub/internal/machine"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

func TestPagesOfState(t *testing.T) {
	h := withTenant(t, Config{})
	ctx := testContext(t)
	for i := range 250 {
		mustPublish(t, h, &weirpb.Publication{Channel: "map:a", Key: fmt.Sprintf("%03d", i)})
	}
	var keys []string
	for more := true; more; {
		r := &weirpb.StateRequest{Tenant: "acme", Channel: "map:a"}
		if len(keys) > 0 {
			r.AfterKey = keys[len(keys)-1]
		}
		page, err := h.State(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.GetEvents() {
			keys = append(keys, e.GetKey())
		}
		more = page.GetMore()
	}
	if len(keys) != 250 || !slices.IsSorted(keys) {
		t.Errorf("the keys are %q", keys)
	}
	if _, err := h.State(ctx, &weirpb.StateRequest{Tenant: "acme", Channel: "chat:a"}); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("the state of a log: %v", err)
	}
	c, err := h.GetChannel(ctx, &weirpb.GetChannelRequest{Tenant: "acme", Channel: "map:a"})
	if err != nil || c.GetKeys() != 250 {
		t.Errorf("the channel is %v, %v", c, err)
	}
}

// TestReadOfAStoppedMachineCanBeTriedAgain reads where an entry could not be applied: another node has what this one has not, if there
// is one.
func TestReadOfAStoppedMachineCanBeTriedAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.startAll()
	if err := c.nodes["hub-1"].readFault(machine.ErrFailed); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("one of three nodes says %v", err)
	}
	if err := openHub(t, Config{}).readFault(machine.ErrFailed); fault.CodeOf(err) != fault.Internal {
		t.Errorf("the only one says %v", err)
	}
}
