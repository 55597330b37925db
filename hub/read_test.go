package hub

import (
	"fmt"
	"slices"
	"testing"

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
