package hub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

var errEnough = errors.New("enough")

// A viewer is what an edge does with a feed.
type viewer struct {
	t    *testing.T
	mu   sync.Mutex
	more chan struct{}

	described []*weirpb.Channel
	cursor    *weirpb.Cursor
	offsets   []uint64
	ephemeral int
	view      map[string]string
	snapshots int
	// hold, if set, is waited for in each delivery, which says so in blocked.
	hold    chan struct{}
	blocked chan struct{}
}

func newViewer(t *testing.T) *viewer {
	return &viewer{t: t, more: make(chan struct{}, 1), blocked: make(chan struct{}, 1), view: map[string]string{}}
}

func (v *viewer) deliver(b *weirpb.FeedBatch) error {
	v.mu.Lock()
	hold := v.hold
	v.mu.Unlock()
	if hold != nil {
		select {
		case v.blocked <- struct{}{}:
		default:
		}
		<-hold
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.take(b)
	select {
	case v.more <- struct{}{}:
	default:
	}
	return nil
}

func (v *viewer) take(b *weirpb.FeedBatch) {
	if c := b.GetChannel(); c != nil {
		v.described = append(v.described, c)
		if b.GetSnapshot() {
			v.view = map[string]string{}
		}
	}
	if b.GetCursor() == nil {
		v.t.Error("a batch has no cursor")
	}
	for _, e := range b.GetEvents() {
		switch {
		case b.GetSnapshot():
			v.view[e.GetKey()] = string(e.GetPayload())
			continue
		case e.GetOffset() == 0:
			v.ephemeral++
			continue
		case v.cursor != nil && b.GetChannel() == nil && e.GetOffset() <= v.cursor.GetOffset():
			v.t.Errorf("event %d comes after cursor %d", e.GetOffset(), v.cursor.GetOffset())
		}
		v.offsets = append(v.offsets, e.GetOffset())
		if e.GetTombstone() {
			delete(v.view, e.GetKey())
		} else if e.GetKey() != "" {
			v.view[e.GetKey()] = string(e.GetPayload())
		}
	}
	if b.GetSnapshotEnd() {
		v.snapshots++
	}
	v.cursor = b.GetCursor()
}

// until waits until something holds of the viewer.
func (v *viewer) until(what string, holds func() bool) {
	v.t.Helper()
	deadline := time.After(patience)
	for {
		v.mu.Lock()
		ok := holds()
		v.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-v.more:
		case <-deadline:
			v.t.Fatalf("waited in vain for: %s; described %d times, cursor %v, %d offsets", what, len(v.described), v.cursor, len(v.offsets))
		}
	}
}

// follow follows until the test calls stop, which returns why it ended.
func follow(t *testing.T, h *Hub, channel string, from *weirpb.Cursor, v *viewer) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Follow(ctx, "acme", channel, from, v.deliver) }()
	stop = sync.OnceValue(func() error {
		cancel(errEnough)
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			t.Error("the feed does not end")
			return nil
		}
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}

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

func TestHistory(t *testing.T) {
	h := withTenant(t, Config{})
	ctx := testContext(t)
	putNamespace(t, h, &weirpb.Namespace{Tenant: "acme", Name: "short", WindowCount: 5})
	for range 12 {
		mustPublish(t, h, &weirpb.Publication{Channel: "short:a", Payload: make([]byte, 60<<10)})
		mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Payload: make([]byte, 60<<10)})
	}
	for range 12 {
		mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Payload: make([]byte, 60<<10)})
	}
	read := func(channel string, after *weirpb.Cursor) (*weirpb.HistoryResponse, error) {
		return h.History(ctx, &weirpb.HistoryRequest{Tenant: "acme", Channel: channel, After: after})
	}
	page, err := read("chat:a", nil)
	if err != nil || len(page.GetEvents()) != 17 || !page.GetMore() {
		t.Errorf("1 MiB of events is %d, %v", len(page.GetEvents()), err)
	}
	page, err = read("short:a", nil)
	if err != nil || len(page.GetEvents()) != 5 || page.GetGap() != nil || page.GetMore() {
		t.Errorf("what is left is %d events, gap %v, %v", len(page.GetEvents()), page.GetGap(), err)
	}
	epoch := page.GetChannel().GetEpoch()
	page, err = read("short:a", &weirpb.Cursor{Epoch: epoch, Offset: 3})
	if g := page.GetGap(); err != nil || g.GetFrom() != 4 || g.GetTo() != 7 || g.GetReason() != "trimmed" || len(page.GetEvents()) != 5 {
		t.Errorf("after 3 the gap is %v, %v", g, err)
	}
	page, err = read("short:a", &weirpb.Cursor{Epoch: epoch + 7, Offset: 3})
	if g := page.GetGap(); err != nil || g.GetFrom() != 0 || g.GetReason() != "epoch_changed" || len(page.GetEvents()) != 5 {
		t.Errorf("of another epoch the gap is %v, %v", g, err)
	}
	if _, err = read("short:a", &weirpb.Cursor{Offset: 13}); fault.CodeOf(err) != fault.CursorAhead {
		t.Errorf("ahead: %v", err)
	}
	if page, err = read("short:a", &weirpb.Cursor{Offset: 12}); err != nil || len(page.GetEvents()) != 0 {
		t.Errorf("at the end: %v, %v", page, err)
	}
	if page, err = read("chat:none", nil); err != nil || len(page.GetEvents()) != 0 || page.GetChannel().GetNextOffset() != 1 {
		t.Errorf("of a channel that nobody has published to: %v, %v", page, err)
	}
}

func TestWindowsComeOfAge(t *testing.T) {
	clock := &clock{now: time.Now()}
	h := withTenant(t, Config{Now: clock.read})
	ctx := testContext(t)
	from := newProducer()
	mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Producer: from, Sequence: 1})
	clock.pass(9 * time.Minute)
	mustPublish(t, h, &weirpb.Publication{Channel: "chat:a"})
	clock.pass(2 * time.Minute)
	sweep := func() *weirpb.Channel {
		t.Helper()
		for _, p := range h.shards {
			if err := h.sweep(ctx, p); err != nil {
				t.Fatal(err)
			}
		}
		c, err := h.GetChannel(ctx, &weirpb.GetChannelRequest{Tenant: "acme", Channel: "chat:a"})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if c := sweep(); c.GetFirstOffset() != 2 || c.GetWindowBytes() == 0 {
		t.Errorf("after 11 minutes the window is %v", c)
	}
	before := chatGroup(h).machine.Applied()
	sweep()
	if chatGroup(h).machine.Applied() != before {
		t.Error("an entry is written although nothing is due")
	}
	clock.pass(11 * time.Minute)
	if c := sweep(); c.GetFirstOffset() != 3 || c.GetWindowBytes() != 0 || c.GetNextOffset() != 3 {
		t.Errorf("after 22 minutes the window is %v", c)
	}
	if _, err := publish(t, h, &weirpb.Publication{Channel: "chat:a", Producer: from, Sequence: 1}); fault.CodeOf(err) != fault.ProducerExpired {
		t.Errorf("a retry after 22 minutes: %v", err)
	}
}

// A clock is moved by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

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
