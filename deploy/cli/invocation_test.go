package cli

import (
	"path/filepath"
	"testing"
)

func TestInvocation(t *testing.T) {
	for _, test := range []struct{ called, dir, want string }{
		{"weir", ".", "weir"},
		{"./weir", ".", "./weir"},
		{"./weir", "late", "../weir"},
		{"bin/weir", ".", "bin/weir"},
		{"../weir", ".", "../weir"},
		{"/a/b/weir", "/a/b", "./weir"},
		{"/a/b/weir", "/a/b/late", "../weir"},
		{"/usr/weir", "/home/somebody/far/away", "/usr/weir"},
	} {
		if got := filepath.ToSlash(invocationOf(filepath.FromSlash(test.called), filepath.FromSlash(test.dir))); got != test.want {
			t.Errorf("called as %s, from %s: %s, want %s", test.called, test.dir, got, test.want)
		}
	}
}
