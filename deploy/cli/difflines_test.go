package cli

import (
	"strings"
	"testing"
)

func TestDiffLines(t *testing.T) {
	for _, test := range []struct{ want, got, diff string }{
		{"a", "a", "  a"},
		{"a", "b", "- a|+ b"},
		{"a|b|c", "a|c", "  a|- b|  c"},
		{"a|c", "a|b|c", "  a|+ b|  c"},
		{"a|b|c|d", "b|x|d|e", "- a|  b|- c|+ x|  d|+ e"},
	} {
		diff := strings.Join(diffLines(strings.Split(test.want, "|"), strings.Split(test.got, "|")), "|")
		if diff != test.diff {
			t.Errorf("%s, %s: %s, want %s", test.want, test.got, diff, test.diff)
		}
	}
	long := make([]string, maxDiffLines+1)
	if n := len(diffLines(long, long)); n != 2*len(long) {
		t.Errorf("%d lines of a long text", n)
	}
}
