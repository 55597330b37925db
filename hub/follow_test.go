package hub

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

func TestFollowALog(t *testing.T) {
	h := withTenant(t, Config{})
	v := newViewer(t)
	stop := follow(t, h, "chat:a", nil, v)
	v.until("the description", func() bool { return len(v.described) == 1 })
	if c := v.described[0]; c.GetName() != "chat:a" || c.GetNamespace() != "chat" || c.GetNextOffset() != 1 || c.GetEpoch() == 0 ||
		c.GetKind() != weirpb.ChannelKind_CHANNEL_KIND_LOG {
		t.Errorf("a channel that nobody has published to is %v", c)
	}
	for range 3 {
		mustPublish(t, h, &weirpb.Publication{Channel: "chat:a"})
	}
	r := mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Ack: weirpb.Ack_ACK_NONE})
	if r.GetOffset() != 0 || r.GetEpoch() != v.described[0].GetEpoch() {
		t.Errorf("the ephemeral publication's receipt is %v", r)
	}
	v.until("three events and an ephemeral one", func() bool { return len(v.offsets) == 3 && v.ephemeral == 1 })
	if v.cursor.GetOffset() != 3 || v.cursor.GetEpoch() != r.GetEpoch() {
		t.Errorf("the cursor is %v", v.cursor)
	}
	late := newViewer(t)
	follow(t, h, "chat:a", nil, late)
	late.until("the description", func() bool { return len(late.described) == 1 })
	mustPublish(t, h, &weirpb.Publication{Channel: "chat:a"})
	late.until("the fourth event", func() bool { return len(late.offsets) == 1 && late.offsets[0] == 4 })
	if late.ephemeral != 0 {
		t.Error("a late follower gets an ephemeral event of before")
	}
	if err := stop(); !errors.Is(err, errEnough) {
		t.Errorf("the feed ended with %v", err)
	}
}

func TestFollowFromACursor(t *testing.T) {
	h := withTenant(t, Config{})
	putNamespace(t, h, &weirpb.Namespace{Tenant: "acme", Name: "short", WindowCount: 5})
	for range 10 {
		mustPublish(t, h, &weirpb.Publication{Channel: "chat:a"})
		mustPublish(t, h, &weirpb.Publication{Channel: "short:a"})
	}
	epochOf := func(channel string) uint64 {
		c, err := h.GetChannel(testContext(t), &weirpb.GetChannelRequest{Tenant: "acme", Channel: channel})
		if err != nil {
			t.Fatal(err)
		}
		return c.GetEpoch()
	}
	epoch, short := epochOf("chat:a"), epochOf("short:a")
	for _, x := range []struct {
		called, channel string
		from            *weirpb.Cursor
		begins          uint64
		events          int
	}{
		{"within the window", "chat:a", &weirpb.Cursor{Epoch: epoch, Offset: 4}, 4, 6},
		{"at its beginning", "chat:a", &weirpb.Cursor{Epoch: epoch}, 0, 10},
		{"at its end", "chat:a", &weirpb.Cursor{Epoch: epoch, Offset: 10}, 10, 0},
		{"of the present epoch", "chat:a", &weirpb.Cursor{Offset: 4}, 4, 6},
		{"ahead", "chat:a", &weirpb.Cursor{Epoch: epoch, Offset: 11}, 10, 0},
		{"of another epoch", "chat:a", &weirpb.Cursor{Epoch: epoch + 1, Offset: 4}, 10, 0},
		{"before the window", "short:a", &weirpb.Cursor{Epoch: short, Offset: 2}, 10, 0},
		{"right before the window", "short:a", &weirpb.Cursor{Epoch: short, Offset: 5}, 5, 5},
	} {
		v := newViewer(t)
		stop := follow(t, h, x.channel, x.from, v)
		v.until(x.called, func() bool { return len(v.offsets) >= x.events && len(v.described) > 0 })
		mustPublish(t, h, &weirpb.Publication{Channel: "chat:other"})
		if err := stop(); !errors.Is(err, errEnough) {
			t.Errorf("%s: the feed ended with %v", x.called, err)
		}
		if len(v.described) != 1 || len(v.offsets) != x.events || v.cursor.GetOffset() != 10 || v.cursor.GetEpoch() != epochOf(x.channel) {
			t.Errorf("%s: described %d times, %d events, cursor %v", x.called, len(v.described), len(v.offsets), v.cursor)
		}
		if x.events > 0 && v.offsets[0] != x.begins+1 {
			t.Errorf("%s: it begins with %d", x.called, v.offsets[0])
		}
	}
}

func TestFollowAState(t *testing.T) {
	h := withTenant(t, Config{})
	for i := range 3000 {
		h.Publish("acme", &weirpb.Publication{Channel: "map:a", Key: fmt.Sprint(i % 2500), Payload: fmt.Appendf(nil, "%d", i)},
			func(_ *weirpb.Receipt, err error) {
				if err != nil {
					t.Error(err)
				}
			})
	}
	mustPublish(t, h, &weirpb.Publication{Channel: "map:a", Key: "7", Tombstone: true})
	v := newViewer(t)
	stop := follow(t, h, "map:a", nil, v)
	v.until("the snapshot", func() bool { return v.snapshots == 1 })
	if len(v.view) != 2499 || v.view["0"] != "2500" || v.view["2499"] != "2499" || v.cursor.GetOffset() != 3001 || len(v.described) != 1 {
		t.Errorf("the snapshot at %v has %d keys", v.cursor, len(v.view))
	}
	mustPublish(t, h, &weirpb.Publication{Channel: "map:a", Key: "7", Payload: []byte("again")})
	v.until("the next event", func() bool { return v.cursor.GetOffset() == 3002 })
	if err := stop(); !errors.Is(err, errEnough) {
		t.Error(err)
	}
	// A follower that comes back needs no snapshot.
	mustPublish(t, h, &weirpb.Publication{Channel: "map:a", Key: "8", Tombstone: true})
	follow(t, h, "map:a", v.cursor, v)
	v.until("the rest", func() bool { return v.cursor.GetOffset() == 3003 })
	response, err := h.State(testContext(t), &weirpb.StateRequest{Tenant: "acme", Channel: "map:a", Keys: []string{"7", "8", "none"}})
	if err != nil || len(response.GetEvents()) != 1 || v.view["7"] != "again" || v.view["8"] != "" || v.snapshots != 1 {
		t.Errorf("the state is %v, %v; the view has %q after %d snapshots", response, err, v.view["7"], v.snapshots)
	}
}

// TestStateIsConsistentUnderLoad takes snapshots while keys change in pairs: each view is exact at its cursor.
func TestStateIsConsistentUnderLoad(t *testing.T) {
	h := withTenant(t, Config{})
	const last = 400
	var all sync.WaitGroup
	viewers := make([]*viewer, 5)
	began := make(chan struct{}, len(viewers))
	all.Go(func() {
		for i := range last {
			mustPublish(t, h, &weirpb.Publication{Channel: "map:a", Key: fmt.Sprint(i % 50), Payload: fmt.Appendf(nil, "%d", i)})
			if i%60 == 0 {
				select {
				case began <- struct{}{}:
				default:
				}
			}
		}
	})
	for i := range viewers {
		<-began
		viewers[i] = newViewer(t)
		follow(t, h, "map:a", nil, viewers[i])
	}
	all.Wait()
	want := map[string]string{}
	for i := range last {
		want[fmt.Sprint(i%50)] = fmt.Sprint(i)
	}
	for i, v := range viewers {
		v.until("the end", func() bool { return v.cursor.GetOffset() == last })
		if !maps.Equal(v.view, want) {
			t.Errorf("viewer %d has another view", i)
		}
	}
}

func TestSlowFollowerReadsFromTheStore(t *testing.T) {
	h := withTenant(t, Config{})
	v := newViewer(t)
	follow(t, h, "chat:a", nil, v)
	v.until("the description", func() bool { return len(v.described) == 1 })
	v.mu.Lock()
	v.hold = make(chan struct{})
	hold := v.hold
	v.mu.Unlock()
	const n = 12_000 // more than a tail has
	var done sync.WaitGroup
	for range n {
		done.Add(1)
		h.Publish("acme", &weirpb.Publication{Channel: "chat:a"}, func(_ *weirpb.Receipt, err error) {
			defer done.Done()
			if err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait() // a slow delivery slows nobody
	v.mu.Lock()
	v.hold = nil
	v.mu.Unlock()
	close(hold)
	v.until("all events", func() bool { return len(v.offsets) == n })
	for i, offset := range v.offsets {
		if offset != uint64(i+1) {
			t.Fatalf("event %d is %d", i+1, offset)
		}
	}
	if len(v.described) != 1 {
		t.Errorf("it is described %d times", len(v.described))
	}
}

func TestFollowerThatFallsOutOfTheWindowIsDescribedAnew(t *testing.T) {
	h := withTenant(t, Config{})
	putNamespace(t, h, &weirpb.Namespace{Tenant: "acme", Name: "short", WindowCount: 10})
	putNamespace(t, h, &weirpb.Namespace{Tenant: "acme", Name: "tiny", WindowCount: 10, Kind: weirpb.ChannelKind_CHANNEL_KIND_STATE})
	for _, channel := range []string{"short:a", "tiny:a"} {
		v := newViewer(t)
		follow(t, h, channel, nil, v)
		v.until("the description", func() bool { return len(v.described) == 1 })
		v.mu.Lock()
		v.hold = make(chan struct{})
		hold := v.hold
		v.mu.Unlock()
		const n = 9000
		var done sync.WaitGroup
		for i := range n {
			if i == 1 {
				<-v.blocked // by the first event: many at once may be more than a tail has
			}
			done.Add(1)
			h.Publish("acme", &weirpb.Publication{Channel: channel, Key: fmt.Sprint(i % 3), Payload: fmt.Appendf(nil, "%d", i)}, func(*weirpb.Receipt, error) { done.Done() })
		}
		done.Wait()
		v.mu.Lock()
		v.hold = nil
		v.mu.Unlock()
		close(hold)
		v.until("the end", func() bool { return v.cursor.GetOffset() == n })
		if len(v.described) != 2 {
			t.Errorf("%s is described %d times", channel, len(v.described))
		}
		if channel == "tiny:a" && (v.snapshots != 2 || v.view["0"] != "8997") {
			t.Errorf("after %d snapshots the view is %v", v.snapshots, v.view)
		}
	}
}

func TestFollowEnds(t *testing.T) {
	h := withTenant(t, Config{})
	ctx := testContext(t)
	if err := h.Follow(ctx, "acme", "no such", nil, nil); fault.CodeOf(err) != fault.ChannelInvalid {
		t.Errorf("a bad channel: %v", err)
	}
	if err := h.Follow(ctx, "nobody", "a", nil, nil); fault.CodeOf(err) != fault.TenantUnknown {
		t.Errorf("an unknown tenant: %v", err)
	}
	if err := h.Follow(ctx, "acme", "none:a", nil, nil); fault.CodeOf(err) != fault.NamespaceUnknown {
		t.Errorf("an unknown namespace: %v", err)
	}
	if err := h.Follow(ctx, "acme", "chat:a", nil, func(*weirpb.FeedBatch) error { return errEnough }); err != errEnough {
		t.Errorf("a delivery that fails: %v", err)
	}
	v := newViewer(t)
	ended := make(chan error, 2)
	go func() { ended <- h.Follow(ctx, "acme", "chat:a", nil, v.deliver) }()
	v.until("the description", func() bool { return len(v.described) == 1 })
	if _, err := h.DeleteTenant(ctx, &weirpb.DeleteTenantRequest{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; fault.CodeOf(err) != fault.TenantUnknown {
		t.Errorf("a deleted tenant: %v", err)
	}
	if _, err := h.CreateTenant(ctx, &weirpb.CreateTenantRequest{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- h.Follow(ctx, "acme", "a", nil, v.deliver) }()
	v.until("the description", func() bool { return len(v.described) == 2 })
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a hub that shuts down: %v", err)
	}
}
