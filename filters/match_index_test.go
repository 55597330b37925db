package filters

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	wt "weir/filters/internal/wasmtest"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// An atlas is viewports in two sets: one with an index, and one without.
type atlas struct {
	filter          *Filter
	indexed, plain  Set
	inIndex, inFull Bitmap
}

// prepare returns a viewport, as the filter would prepare it, and its keys. Its borders are degrees.
func (a *atlas) prepare(t testing.TB, west, south, east, north float64) (prepared []byte, interest []uint64) {
	t.Helper()
	for _, v := range []float64{west, south, east, north} {
		prepared = binary.LittleEndian.AppendUint64(prepared, math.Float64bits(v))
	}
	interest, err := a.filter.Interest(t.Context(), prepared, nil)
	if err != nil {
		t.Fatal(err)
	}
	return prepared, interest
}

// add adds a viewport to both sets.
func (a *atlas) add(t testing.TB, west, south, east, north float64) {
	t.Helper()
	prepared, interest := a.prepare(t, west, south, east, north)
	if slot, other := a.indexed.AddInterested(prepared, interest), a.plain.Add(prepared); slot != other {
		t.Fatalf("slot %d here, %d there", slot, other)
	}
}

// addRandom adds viewports of so many degrees.
func (a *atlas) addRandom(t testing.TB, r *rand.Rand, n int, width, height float64) {
	t.Helper()
	for range n {
		west, south := r.Float64()*360-180, r.Float64()*(180-height)-90
		east := west + width
		if east > 180 {
			east -= 360
		}
		a.add(t, west, south, east, south+height)
	}
}

func (a *atlas) remove(slot int) {
	a.indexed.Remove(slot)
	a.plain.Remove(slot)
}

// ask asks about an event both ways, and compares.
func (a *atlas) ask(t *testing.T, event []byte) {
	t.Helper()
	a.inIndex, a.inFull = NewBitmap(a.indexed.Slots()), NewBitmap(a.plain.Slots())
	for i := range a.inIndex {
		a.inIndex[i] = 1<<64 - 1
	}
	if err := a.filter.Match(t.Context(), event, &a.indexed, a.inIndex); err != nil {
		t.Fatal(err)
	}
	if err := a.filter.Match(t.Context(), event, &a.plain, a.inFull); err != nil {
		t.Fatal(err)
	}
	for slot := range a.plain.Slots() {
		if a.inIndex.Get(slot) != a.inFull.Get(slot) {
			t.Fatalf("slot %d: %t with an index, %t without", slot, a.inIndex.Get(slot), a.inFull.Get(slot))
		}
	}
	if asked := a.plain.Asked(); asked != a.plain.Len() {
		t.Errorf("%d of %d groups were asked about without an index", asked, a.plain.Len())
	}
}

func place(lon, lat float64) string { return fmt.Sprintf(`{"lon":%v,"lat":%v}`, lon, lat) }

func TestMatchIsTheSameWithAnIndex(t *testing.T) {
	const seed = 7
	r := rand.New(rand.NewPCG(seed, 0))
	a := &atlas{filter: openViewport(t)}
	matched, asked := 0, 0
	for round := range 300 {
		switch {
		case round%3 == 0:
			a.addRandom(t, r, 5+r.IntN(20), math.Exp(r.Float64()*5), math.Exp(r.Float64()*4))
		case a.plain.Slots() > 0:
			a.remove(r.IntN(a.plain.Slots()))
		}
		if round%10 == 5 {
			a.add(t, -180, -90, 180, math.Inf(1))
		}
		payload := place(r.Float64()*360-180, r.Float64()*180-90)
		if round%20 == 7 {
			payload = []string{"{}", "text", place(180, 90), place(-180, -90)}[round/20%4]
		}
		a.ask(t, event(t, payload))
		matched += a.inFull.Count()
		asked += a.indexed.Asked()
	}
	t.Logf("seed %d: of %d groups, %d verdicts, %d matches", seed, a.plain.Len(), asked, matched)
	if matched == 0 || a.plain.Len() < indexedFrom {
		t.Error("nothing was tested")
	}
}

// TestIndexedMatchCostsItsCandidates compares the fuel of a match with what its parts use.
func TestIndexedMatchCostsItsCandidates(t *testing.T) {
	a := &atlas{filter: openViewport(t)}
	a.addRandom(t, rand.New(rand.NewPCG(1, 2)), 2000, 9, 7.2)
	ev := event(t, place(8.5, 47.4))
	used := func(do func()) uint64 {
		before := a.filter.Usage().Fuel
		do()
		return a.filter.Usage().Fuel - before
	}
	whole := used(func() { a.ask(t, ev) })
	all := used(func() { _ = a.filter.Match(t.Context(), ev, &a.plain, a.inFull) })
	var keys []uint64
	forKeys := used(func() { keys, _ = a.filter.Keys(t.Context(), ev, nil) })
	slots, narrow := a.indexed.Candidates(keys)
	if !narrow || len(slots) == 0 || len(slots) > 100 || a.indexed.Asked() != len(slots) {
		t.Fatalf("%d candidates (%t), %d asked about", len(slots), narrow, a.indexed.Asked())
	}
	var some Set
	for _, slot := range slots {
		some.Add(a.plain.Prepared(int(slot)))
	}
	forSome := used(func() { _ = a.filter.Match(t.Context(), ev, &some, a.inFull) })
	if whole-all != forKeys+forSome || 5*(forKeys+forSome) > all {
		t.Errorf("fuel: %d with an index, %d for keys, %d for candidates, %d for all", whole-all, forKeys, forSome, all)
	}
}

func TestIndexedMatchAllocatesNothing(t *testing.T) {
	a := &atlas{filter: openViewport(t)}
	r := rand.New(rand.NewPCG(1, 2))
	a.addRandom(t, r, 2000, 9, 7.2)
	verdicts := NewBitmap(2000)
	var buf []byte
	e := &weirpb.Event{Offset: 1, Payload: []byte(place(8.5, 47.4))}
	n := testing.AllocsPerRun(200, func() {
		buf = AppendEvent(buf[:0], "flights", e)
		if err := a.filter.Match(t.Context(), buf, &a.indexed, verdicts); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 || a.indexed.Asked() == 0 || a.indexed.Asked() > 100 {
		t.Errorf("%v allocations to ask about %d groups", n, a.indexed.Asked())
	}
}

// routed returns a set of n groups that want key 5.
func routed(n int) (*Set, Bitmap) {
	var set Set
	for range n {
		set.AddInterested(nil, []uint64{5})
	}
	return &set, NewBitmap(n)
}

func TestKeysThatFailAreAFailureOfTheFilter(t *testing.T) {
	f := openGuest(t, wt.Guest().WithKeys(wt.Trap()))
	set, verdicts := routed(indexedFrom)
	verdicts[0] = 1
	err := f.Match(t.Context(), event(t, "{}"), set, verdicts)
	if fault.CodeOf(err) != fault.FilterFailed || !strings.Contains(err.Error(), "weir_keys") || verdicts.Count() != 0 || set.Asked() != 0 {
		t.Errorf("%v, %d matches", err, verdicts.Count())
	}
	if u := f.Usage(); u.Calls != 1 || u.Failures != 1 {
		t.Errorf("counted are %+v", u)
	}
	if _, err := f.Interest(t.Context(), nil, nil); fault.CodeOf(err) != fault.FilterFailed {
		t.Errorf("interest: %v", err)
	}
}

func TestEventsWithoutCandidatesAreNotAskedAbout(t *testing.T) {
	f := openGuest(t, wt.Guest().WithKeys(wt.Const64(0)).With(wt.GuestMatch, wt.Trap()))
	set, verdicts := routed(indexedFrom)
	if err := f.Match(t.Context(), event(t, "{}"), set, verdicts); err != nil || verdicts.Count() != 0 || set.Asked() != 0 {
		t.Errorf("%v, %d matches", err, verdicts.Count())
	}
}

func TestFewGroupsNeedNoKeys(t *testing.T) {
	f := openGuest(t, wt.Guest().WithKeys(wt.Trap()))
	set, verdicts := routed(indexedFrom - 1)
	if err := f.Match(t.Context(), event(t, "{}"), set, verdicts); err != nil || set.Asked() != indexedFrom-1 {
		t.Errorf("%v, %d asked about", err, set.Asked())
	}
}

func TestGroupsThatTellNothingAreAlwaysAskedAbout(t *testing.T) {
	f := openGuest(t, wt.Guest().WithKeys(wt.Const64(0)))
	set := &Set{}
	set.Add([]byte("before"))
	for range 2 * indexedFrom {
		set.AddInterested(nil, []uint64{5})
	}
	set.Add([]byte("after"))
	if err := f.Match(t.Context(), event(t, "{}"), set, NewBitmap(set.Slots())); err != nil || set.Asked() != 2 {
		t.Errorf("%v, %d asked about, want 2", err, set.Asked())
	}
}
