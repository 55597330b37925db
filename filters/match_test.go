package filters

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	wt "weir/filters/internal/wasmtest"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

func TestMatchAnswersBySlot(t *testing.T) {
	f := openViewport(t)
	var set Set
	slots := map[string]int{}
	for name, params := range map[string]string{
		"zurich": `{"west":8,"south":47,"east":9,"north":48}`,
		"fiji":   `{"west":170,"south":-30,"east":-170,"north":0}`,
		"world":  `{"west":-180,"south":-90,"east":180,"north":90}`,
	} {
		slots[name] = set.Add(prepare(t, f, params))
	}
	ask := func(payload string) string {
		verdicts := NewBitmap(set.Slots())
		verdicts[0] = 1<<64 - 1
		if err := f.Match(t.Context(), event(t, payload), &set, verdicts); err != nil {
			t.Fatal(err)
		}
		if verdicts.Count() > set.Len() {
			t.Errorf("%d answers for %d groups", verdicts.Count(), set.Len())
		}
		return fmt.Sprint(verdicts.Get(slots["zurich"]), verdicts.Get(slots["fiji"]), verdicts.Get(slots["world"]))
	}
	if got := ask(`{"lon":8.5,"lat":47.4}`); got != "true false true" {
		t.Error("Zurich:", got)
	}
	set.Remove(slots["zurich"])
	if got := ask(`{"lon":8.5,"lat":47.4}`); got != "false false true" {
		t.Error("Zurich, after its group has left:", got)
	}
	slots["zurich"] = set.Add(prepare(t, f, `{"west":8,"south":47,"east":9,"north":48}`))
	if got := ask(`{"lon":179.5,"lat":-17}`); got != "false true true" {
		t.Error("Fiji:", got)
	}
	if set.Slots() != 3 {
		t.Errorf("%d slots for 3 groups", set.Slots())
	}
}

func TestMatchOfNoGroupsNeedsNoGuest(t *testing.T) {
	f := openGuest(t, wt.Guest().With(wt.GuestMatch, wt.Trap()))
	var set Set
	set.Remove(set.Add(nil))
	if err := f.Match(t.Context(), event(t, "{}"), &set, NewBitmap(1)); err != nil {
		t.Error(err)
	}
}

func TestMatchRefusesTooFewBits(t *testing.T) {
	f := openGuest(t, wt.Guest())
	var set Set
	for range 65 {
		set.Add(nil)
	}
	if err := f.Match(t.Context(), event(t, "{}"), &set, NewBitmap(64)); fault.CodeOf(err) != fault.Internal {
		t.Error(err)
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	f := openViewport(t)
	set, verdicts := boxes(t, f, 1000)
	e := &weirpb.Event{Payload: []byte(`{"id":"SWR123","lon":8.5491,"lat":47.4582}`)}
	buf := make([]byte, 0, 1024)
	ctx := t.Context()
	n := testing.AllocsPerRun(200, func() {
		buf = AppendEvent(buf[:0], "flights", e)
		if err := f.Match(ctx, buf, set, verdicts); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for an event", n)
	}
}

// boxes returns a set of n random viewports, always the same.
func boxes(t testing.TB, f *Filter, n int) (*Set, Bitmap) {
	r := rand.New(rand.NewPCG(1, 2))
	set := &Set{}
	for range n {
		west, south := r.Float64()*340-180, r.Float64()*160-90
		set.Add(prepare(t, f, fmt.Sprintf(`{"west":%v,"south":%v,"east":%v,"north":%v}`, west, south, west+20, south+10)))
	}
	return set, NewBitmap(n)
}

func TestInputsMayBeLarge(t *testing.T) {
	f := openViewport(t)
	set, _ := boxes(t, f, 20_000)
	slot := set.Add(prepare(t, f, `{"west":-180,"south":-90,"east":180,"north":90,"lon":"x","lat":"y"}`))
	verdicts := NewBitmap(set.Slots())
	large := fmt.Sprintf(`{"lon":1,"lat":2,"x":3,"y":4,"padding":%q}`, strings.Repeat("x", 64<<10))
	for _, payload := range []string{`{"x":3,"y":4}`, large, `{"x":3,"y":4}`} {
		if err := f.Match(t.Context(), event(t, payload), set, verdicts); err != nil {
			t.Fatal(err)
		}
		if !verdicts.Get(slot) {
			t.Errorf("the last group doesn't match %.20s", payload)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	// Takes a page at a time, a thousand times, and doesn't care whether it got one.
	g := wt.Guest().With(wt.GuestMatch, wt.Repeat(5, 1000, wt.Const(1), wt.Grow(), wt.Drop()), wt.Const64(0))
	f := open(t, newEngine(t, Config{Limits: Limits{MemoryPages: 20}}), g.Bytes())
	matches(t, f, event(t, "{}"), nil)
	if size := f.pool.idle[0].memory.Size(); size != 20<<16 {
		t.Errorf("the memory has %d bytes, want 20 pages", size)
	}
}

func TestMatchConcurrently(t *testing.T) {
	f := openViewport(t)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			var set Set
			lon := worker*10 - 40
			p, err := f.Prepare(t.Context(), fmt.Appendf(nil, `{"west":%d,"south":0,"east":%d,"north":1}`, lon, lon+10))
			if err != nil {
				t.Error(err)
				return
			}
			set.Add(p)
			verdicts := NewBitmap(1)
			for i := range 200 {
				at := i%80 - 40
				err := f.Match(t.Context(), event(t, fmt.Sprintf(`{"lon":%d,"lat":0.5}`, at)), &set, verdicts)
				if want := at >= lon && at < lon+10; err != nil || verdicts.Get(0) != want {
					t.Errorf("longitude %d in %d to %d: %v, %v", at, lon, lon+10, verdicts.Get(0), err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(f.pool.idle); n == 0 || n > f.limits.Instances {
		t.Errorf("%d instances were made, at most %d are allowed", n, f.limits.Instances)
	}
}

func TestProjectKeysAndInterestReachTheCaller(t *testing.T) {
	// Keys: the first 8 bytes of the input. Projection: the event's offset, which is the first 8 bytes too.
	head := wt.Code(wt.LocalGet(0), []byte{0xad}, wt.Const64(32), []byte{0x86}, wt.Const64(8), []byte{0x84})
	f := openGuest(t, wt.Guest().WithKeys(head).WithProject(head))
	ev := event(t, "{}")
	keys, err := f.Keys(t.Context(), ev, []uint64{1})
	if err != nil || fmt.Sprint(keys) != "[1 7]" {
		t.Errorf("keys %v, %v", keys, err)
	}
	interest, err := f.Interest(t.Context(), binary.LittleEndian.AppendUint64(nil, 99), nil)
	if err != nil || fmt.Sprint(interest) != "[99]" {
		t.Errorf("interest %v, %v", interest, err)
	}
	shown, err := f.Project(t.Context(), ev, []byte("prepared"), []byte("before"))
	if err != nil || string(shown) != "before\x07\x00\x00\x00\x00\x00\x00\x00" {
		t.Errorf("shown %q, %v", shown, err)
	}
}
