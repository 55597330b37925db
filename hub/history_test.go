package hub

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// allPages reads page by page until there is no more, and returns the offsets.
func allPages(t *testing.T, h *Hub, r *weirpb.HistoryRequest) (offsets []uint64, pages int) {
	t.Helper()
	for {
		page, err := h.History(testContext(t), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.GetEvents() {
			offsets = append(offsets, e.GetOffset())
		}
		if pages++; !page.GetMore() {
			return offsets, pages
		}
		if page.GetNext().GetOffset() <= r.GetAfter().GetOffset() {
			t.Fatalf("the next page begins where this one did, at %v", page.GetNext())
		}
		r.After = page.GetNext()
	}
}

// Ranges by offset, time and key, in pages of any size, hold what a look at each event says.
func TestHistoryOfARange(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	clock := &clock{now: time.Now()}
	h := withTenant(t, Config{Now: clock.read})
	var events []*weirpb.Event
	for range 200 {
		clock.pass(time.Duration(random.IntN(3)) * time.Millisecond)
		e := &weirpb.Event{Key: fmt.Sprint("k", random.IntN(4))}
		r := mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Key: e.Key})
		e.Offset, e.TimeMs = r.GetOffset(), r.GetTimeMs()
		events = append(events, e)
	}
	someTime := func() int64 {
		if random.IntN(2) == 0 {
			return 0
		}
		return events[random.IntN(len(events))].TimeMs + int64(random.IntN(3)) - 1
	}
	for range 300 {
		r := &weirpb.HistoryRequest{
			Tenant: "acme", Channel: "chat:a", Limit: uint32(1 + random.IntN(40)), FromTimeMs: someTime(), UntilTimeMs: someTime(),
			Consistency: weirpb.Consistency(random.IntN(3)),
		}
		if random.IntN(2) == 0 {
			r.Key = fmt.Sprint("k", random.IntN(5))
		}
		if random.IntN(2) == 0 {
			r.After = &weirpb.Cursor{Offset: uint64(random.IntN(201))}
		}
		if random.IntN(2) == 0 {
			r.Until = &weirpb.Cursor{Offset: uint64(1 + random.IntN(250))}
		}
		var want []uint64
		for _, e := range events {
			if e.Offset > r.GetAfter().GetOffset() && (r.Until == nil || e.Offset <= r.Until.Offset) &&
				e.TimeMs >= r.FromTimeMs && (r.UntilTimeMs == 0 || e.TimeMs < r.UntilTimeMs) && (r.Key == "" || e.Key == r.Key) {
				want = append(want, e.Offset)
			}
		}
		asked := fmt.Sprint(r)
		if got, _ := allPages(t, h, r); !slices.Equal(got, want) {
			t.Fatalf("%s: %v, want %v", asked, got, want)
		}
	}
}

func TestHistoryRefusesWhatCannotBe(t *testing.T) {
	h := withTenant(t, Config{})
	mustPublish(t, h, &weirpb.Publication{Channel: "chat:a"})
	for name, r := range map[string]*weirpb.HistoryRequest{
		"from before 1970":        {FromTimeMs: -1},
		"until before 1970":       {UntilTimeMs: -1},
		"until another epoch":     {Until: &weirpb.Cursor{Epoch: 1, Offset: 1}},
		"until before all":        {Until: &weirpb.Cursor{}},
		"a consistency from afar": {Consistency: 7},
	} {
		r.Tenant, r.Channel = "acme", "chat:a"
		if _, err := h.History(testContext(t), r); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
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
