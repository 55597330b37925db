package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// TestVerifyTellsOfNodesThatDoNotAnswer has one of three nodes be down.
func TestVerifyTellsOfNodesThatDoNotAnswer(t *testing.T) {
	region := &weirpb.Region{Nodes: []*weirpb.RegionNode{{Id: "hub-1"}, {Id: "hub-2"}, {Id: "hub-3"}}}
	for _, test := range []struct {
		named string
		begun []string
		want  []string
	}{
		{"", []string{"hub-1", "hub-2", "hub-3"}, []string{}},
		{"", []string{"hub-1", "hub-3"}, []string{"hub-2"}},
		{"hub-3", []string{"hub-3"}, []string{}},
	} {
		if got := silent(region, test.begun, test.named); !slices.Equal(got, test.want) {
			t.Errorf("of %v named %q: %v are silent, want %v", test.begun, test.named, got, test.want)
		}
	}

	var out bytes.Buffer
	found := verifyView{Nodes: []string{"hub-1", "hub-3"}, Silent: []string{"hub-2"}}
	err := (&hubVerify{}).report(&console{out: &out}, found)
	if fault.CodeOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "hub-2") {
		t.Errorf("it ends with %v", err)
	}
	if !strings.HasPrefix(out.String(), "hub-1, hub-3: ") {
		t.Errorf("it prints %q", &out)
	}
	found.Damaged = []string{"group 1 of hub-1"}
	if err := (&hubVerify{}).report(&console{out: &out}, found); fault.CodeOf(err) != fault.Internal {
		t.Errorf("with damage it ends with %v", err)
	}
}
