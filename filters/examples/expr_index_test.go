package examples_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/filters"
	"weir/filters/examples"
	"weir/proto/weirpb"
)

// TestExprIndexKnowsEqualities says which expressions an event is kept from, by the keys of both.
func TestExprIndexKnowsEqualities(t *testing.T) {
	f := open(t, examples.Expr())
	e := &weirpb.Event{Offset: 1, Key: "EU/7", Payload: []byte(`{"a":"x","b":["y","z"],"c":{"d":"w"},"n":1,"e":"\u00fc"}`)}
	event := keysOf(t, f, filters.AppendEvent(nil, "flights", e))
	for expr, want := range map[string]bool{ // whether the event may concern it
		`a == "x"`: true, `a == "q"`: false, `"q" == a`: false, `"x" == a`: true, `e == 'ü'`: true,
		`a in ["p", "q"]`: false, `a in ["p", "x"]`: true, `c.d == "w"`: true, `c.d == "x"`: false, `b.1 == "z"`: true, `b.0 == "z"`: false,
		`$key == "EU/7"`: true, `$key == "EU/8"`: false,
		`n > 5 and a == "q"`: false, `a == "q" and n > 5`: false, `a == "x" and c.d == "q" and n > 5`: true, `a in ["x", "y"] and c.d == "q"`: false,
		`(n > 5 or n < 3) and a == "q"`: false, `a == "q" and (n > 5 or n < 3)`: false, `(a == "q" and n > 5) and exists n`: false,
		`not not (a == "q")`: false,
		// What else would have to be asked about.
		`a == "q" or n > 0`: true, `(a == "q" or n > 0) and n < 5`: true, `not (a == "q")`: true, `not (a == "q" and n == 1)`: true, `a != "q"`: true,
		`n == 7`: true, `a in ["q", 1]`: true, `a prefix "q"`: true, `a == c.d`: true, `"q" == "q"`: true, `$channel == "q"`: true, `a > "q"`: true,
	} {
		if got := concerns(event, interestOf(t, f, prepare(t, f, expr))); got != want {
			t.Errorf("%s: %v", expr, got)
		}
	}
}

// equalities draws what the index can use.
var equalities = rapid.Custom(func(t *rapid.T) node {
	name := rapid.SampledFrom(names).Draw(t, "field")
	field := func(p any) any { return lookup(p, strings.Trim(name, "`")) }
	texts := rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "ab", "b", "ü", "none"}), 1, 3).Draw(t, "texts")
	is := func(p any) bool {
		for _, text := range texts {
			if field(p) == text {
				return true
			}
		}
		return false
	}
	if len(texts) == 1 {
		return node{fmt.Sprintf("%q == %s", texts[0], name), is}
	}
	list, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	return node{name + " in " + string(list), is}
})

// conjunction draws an expression with an equality at its top level, or not, in any place.
func conjunction(t *rapid.T) node {
	parts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) node {
		const and = 2
		if rapid.IntRange(0, 2).Draw(t, "part") == 0 {
			return tree(t, 3, and+1)
		}
		return equalities.Draw(t, "equality")
	}), 1, 4).Draw(t, "parts")
	n := parts[0]
	for _, part := range parts[1:] {
		before := n
		n = node{before.text + " and " + part.text, func(p any) bool { return before.holds(p) && part.holds(p) }}
	}
	return n
}

// TestExprIsTheSameByTheIndex compares what sets say with an index, without one, and Go.
func TestExprIsTheSameByTheIndex(t *testing.T) {
	f := open(t, examples.Expr())
	spared := 0
	rapid.Check(t, func(t *rapid.T) {
		const groups = 150 // more than an index is used from
		var with, without filters.Set
		nodes := make([]node, groups)
		for i := range nodes {
			nodes[i] = conjunction(t)
			p := prepare(t, f, nodes[i].text)
			with.AddInterested(p, interestOf(t, f, p))
			without.Add(p)
		}
		for range 5 {
			text := payloads.Draw(t, "payload")
			parsed, _ := parse([]byte(text))
			event := filters.AppendEvent(nil, "flights", payload(text))
			narrow, all := filters.NewBitmap(groups), filters.NewBitmap(groups)
			for set, verdicts := range map[*filters.Set]filters.Bitmap{&with: narrow, &without: all} {
				if err := f.Match(context.Background(), event, set, verdicts); err != nil {
					t.Fatal(err)
				}
			}
			for i, n := range nodes {
				if want := n.holds(parsed); narrow.Get(i) != want || all.Get(i) != want {
					t.Fatalf("%s of %s: %v with the index, %v without, want %v", n.text, text, narrow.Get(i), all.Get(i), want)
				}
			}
			spared += groups - with.Asked()
		}
	})
	if spared == 0 {
		t.Error("the index has spared nothing")
	}
}
