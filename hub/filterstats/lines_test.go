package filterstats

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// say has an edge report lines of version 1 with these numbers.
func (b *bench) say(instance string, begins bool, report uint64, numbers ...uint64) error {
	r := &weirpb.EdgeReport{Instance: instance, Host: "host of " + instance, Begins: begins, Number: report}
	for _, n := range numbers {
		r.Lines = append(r.Lines, &weirpb.FilterLine{
			Tenant: "acme", Name: "f", Version: 1, Number: n, TimeMs: b.clock.UnixMilli(), Channel: "chat", Text: fmt.Sprint("line ", n),
		})
	}
	return b.ReportFilters(b.t.Context(), r)
}

func (b *bench) lines(after ...*weirpb.FilterLogPosition) (all []string, said []*weirpb.FilterLogPosition) {
	logs := b.Lines("acme", []*weirpb.FilterVersion{versionNo(1)}, after)
	for _, l := range logs.GetLines() {
		all = append(all, fmt.Sprint(l.GetInstance(), l.GetLine().GetNumber()))
	}
	return all, logs.GetPositions()
}

func TestLinesOfAllEdgesInOrder(t *testing.T) {
	b := newBench(t)
	for i, edge := range []string{"a", "b", "a"} {
		b.clock = b.clock.Add(time.Second)
		if err := b.say(edge, true, uint64(i+1), uint64(i+1), uint64(i+2)); err != nil {
			t.Fatal(err)
		}
	}
	all, said := b.lines()
	if want := []string{"a1", "a2", "b2", "b3", "a3", "a4"}; !slices.Equal(all, want) || len(said) != 2 || said[0].GetNumber() != 4 {
		t.Errorf("said is %v, up to %v; want %v", all, said, want)
	}
	all, _ = b.lines(said[0], &weirpb.FilterLogPosition{Instance: "b", Name: "f", Version: 1, Number: 2})
	if !slices.Equal(all, []string{"b3"}) {
		t.Errorf("after that comes %v", all)
	}
}

func TestLinesThatComeTwiceAreKeptOnce(t *testing.T) {
	b := newBench(t)
	for range 2 {
		if err := b.say("a", true, 1, 1, 2, 5); err != nil {
			t.Fatal(err)
		}
	}
	if all, _ := b.lines(); !slices.Equal(all, []string{"a1", "a2", "a5"}) {
		t.Errorf("kept is %v", all)
	}
}

func TestLinesThatWereNotKeptAreCounted(t *testing.T) {
	b := newBench(t)
	r := &weirpb.EdgeReport{Instance: "a", Begins: true, Filters: []*weirpb.FilterReport{counted(1, &weirpb.FilterCounts{Lines: 70})}}
	if err := b.ReportFilters(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if all, said := b.lines(); len(all) != 0 || len(said) != 1 || said[0].GetNumber() != 70 {
		t.Errorf("said is %v, up to %v", all, said)
	}
}

func TestLinesOfAFormerTenantAreNotShown(t *testing.T) {
	b := newBench(t)
	if err := b.say("a", true, 1, 1); err != nil {
		t.Fatal(err)
	}
	v := versionNo(1)
	v.CreatedMs = b.clock.Add(time.Second).UnixMilli()
	b.clock = b.clock.Add(2 * time.Second)
	if err := b.say("a", false, 2, 2); err != nil {
		t.Fatal(err)
	}
	logs := b.Lines("acme", []*weirpb.FilterVersion{v}, nil)
	if len(logs.GetLines()) != 1 || logs.GetLines()[0].GetLine().GetNumber() != 2 {
		t.Errorf("shown is %v", logs.GetLines())
	}
}

func TestLinesAreBounded(t *testing.T) {
	b := newBench(t)
	for i := range uint64(3 * maxTenantLines) {
		if err := b.say("a", i == 0, i+1, i+1); err != nil {
			t.Fatal(err)
		}
	}
	if all, said := b.lines(); len(all) != maxTenantLines || said[0].GetNumber() != 3*maxTenantLines {
		t.Errorf("%d lines are kept, up to %v", len(all), said)
	}
}

func TestMissedReportsAreAskedForAgain(t *testing.T) {
	b := newBench(t)
	if err := b.say("a", true, 1); err != nil {
		t.Fatal(err)
	}
	if err := b.say("a", false, 2); err != nil {
		t.Fatal(err)
	}
	if err := b.say("a", false, 4); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("the report after one that was missed: %v", err)
	}
	if err := b.say("a", true, 5); err != nil {
		t.Error(err)
	}
	if err := b.say("a", false, 6); err != nil {
		t.Error(err)
	}
}
