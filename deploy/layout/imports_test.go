package layout

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A rule says what packages at or below one path may import.
type rule struct {
	below string
	// within is what of weir itself they may import, at or below; "" before all: nothing.
	within []string
	why    string
}

// rules, the first that fits holds. Imports run one way: main, deploy, then the parts, then filters, then proto.
var rules = []rule{
	{"proto", []string{"proto"}, "the schemas and codecs stand on nothing"},
	{"filters", []string{"filters", "proto"}, "filters run anywhere, so they know nothing of edges and hubs"},
	{"edge", []string{"edge", "filters", "proto"}, "an edge declares what it needs of an upstream and is given it"},
	{"hub", []string{"hub", "filters", "proto"}, "a hub serves edges and does not know them"},
	{"deploy", []string{"deploy", "edge", "hub", "filters", "proto"}, "the command line joins the parts"},
	{"", []string{"deploy/cli"}, "main calls the command line, nothing more"},
}

// An owner is the only one that may import a library, so that it can be replaced there.
var owners = []struct {
	library string
	below   []string
}{
	{"github.com/tetratelabs/wazero", []string{"filters"}},
	// The rivals are a module of their own.
	{"github.com/hashicorp/raft", []string{"hub", "deploy/bench/rivals"}},
	{"github.com/hashicorp/raft-wal", []string{"hub", "deploy/bench/rivals"}},
	{"github.com/cockroachdb/pebble", []string{"hub"}},
	{"github.com/quic-go/webtransport-go", []string{"edge", "deploy"}},
	{"github.com/alecthomas/kong", []string{"deploy"}},
}

func TestImportsRunOneWay(t *testing.T) {
	for _, path := range sources(t, ".go") {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		from := clean(filepath.Dir(path))
		if from == "." {
			from = ""
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if why := forbidden(from, imported); why != "" {
				t.Errorf("%s imports %s: %s", clean(path), imported, why)
			}
		}
	}
}

// forbidden says why the package at from, a path from the root on, must not import another, or "".
func forbidden(from, imported string) string {
	if to, ours := strings.CutPrefix(imported, "weir/"); ours {
		return forbiddenWithin(from, to)
	}
	for _, owner := range owners {
		if isBelow(imported, owner.library) && !isBelowAny(from, owner.below) {
			return "only " + strings.Join(owner.below, " and ") + " may"
		}
	}
	return ""
}

func forbiddenWithin(from, to string) string {
	for _, rule := range rules {
		if isBelow(from, rule.below) {
			if isBelowAny(to, rule.within) {
				return ""
			}
			return rule.why
		}
	}
	return ""
}

func isBelowAny(path string, parents []string) bool {
	for _, parent := range parents {
		if isBelow(path, parent) {
			return true
		}
	}
	return false
}

// isBelow reports whether path is parent or in it. Everything is in "". A library's major version is part of it.
func isBelow(path, parent string) bool {
	return parent == "" || path == parent || strings.HasPrefix(path, parent+"/")
}

func TestForbiddenImportsAreFound(t *testing.T) {
	for _, test := range []struct {
		from, imported string
		allowed        bool
	}{
		{"", "weir/deploy/cli", true},
		{"", "weir/edge", false},
		{"deploy/cli", "weir/hub", true},
		{"edge", "weir/hub/hubclient", false},
		{"edge/edgeclient", "weir/proto/frame", true},
		{"hub", "weir/edge", false},
		{"hub/hubclient", "weir/edge", false},
		{"hub/api", "weir/filters", true},
		{"filters", "weir/proto/weirpb", true},
		{"filters", "weir/hub", false},
		{"proto/frame", "weir/filters", false},
		{"proto/frame", "weir/proto/weirpb", true},
		{"edge", "weir/deploy/demo", false},
		{"edge", "github.com/tetratelabs/wazero/api", false},
		{"filters", "github.com/tetratelabs/wazero/api", true},
		{"filters", "github.com/tetratelabs/wazeroes", true},
		{"edge", "github.com/cockroachdb/pebble/v2", false},
		{"hub/internal/store", "github.com/cockroachdb/pebble/v2/vfs", true},
		{"edge", "github.com/hashicorp/raft", false},
		{"hub", "net/http", true},
	} {
		if got := forbidden(test.from, test.imported) == ""; got != test.allowed {
			t.Errorf("%s importing %s: allowed %t, want %t", test.from, test.imported, got, test.allowed)
		}
	}
}
