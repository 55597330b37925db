package cli

import (
	"bytes"
	"strings"
	"testing"

	"weir/proto/weirpb"
)

func logLine(instance string, number uint64, text string) *weirpb.EdgeFilterLine {
	return &weirpb.EdgeFilterLine{Instance: instance, Host: "host-" + instance, Line: &weirpb.FilterLine{
		Name: "late", Version: 2, Number: number, TimeMs: 1_795_000_000_123, Channel: "flights", Text: text,
	}}
}

func TestLogsCountWhatIsNotShown(t *testing.T) {
	var out, err bytes.Buffer
	r := &logReader{con: &console{out: &out, err: &err}, shown: map[logTalker]uint64{}, hosts: map[string]string{}}
	for _, answer := range []*weirpb.GetFilterLogsResponse{
		{Lines: []*weirpb.EdgeFilterLine{logLine("a", 1, "one"), logLine("b", 3, "three")}},
		{
			Lines:        []*weirpb.EdgeFilterLine{logLine("a", 1, "one"), logLine("a", 5, "five")},
			Positions:    []*weirpb.FilterLogPosition{{Instance: "a", Name: "late", Version: 2, Number: 9}, {Instance: "b", Name: "late", Version: 2, Number: 3}},
			UnaskedNodes: 1,
		},
	} {
		if e := r.print(answer); e != nil {
			t.Fatal(e)
		}
	}
	if e := r.end("late", false); e != nil {
		t.Fatal(e)
	}
	want := `2026-11-18T11:06:40.123Z host-a late@2 flights: one
... 2 lines of late@2 on host-b not kept
2026-11-18T11:06:40.123Z host-b late@2 flights: three
... 3 lines of late@2 on host-a not kept
2026-11-18T11:06:40.123Z host-a late@2 flights: five
`
	if out.String() != want {
		t.Errorf("printed is\n%s\nwant\n%s", &out, want)
	}
	if got := err.String(); !strings.HasPrefix(got, "1 of the hub's nodes did not answer") || !strings.HasSuffix(got, "\n... 4 lines of late@2 on host-a not kept\n") {
		t.Errorf("told is %s", got)
	}
	if after := r.positions(); len(after) != 2 {
		t.Errorf("asked is for what comes after %v", after)
	}
}
