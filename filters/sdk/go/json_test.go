package weir

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFind(t *testing.T) {
	text := `{"a":{"b":[1,{"c":"x\u00e9\ud83d\ude00\ud800"}]},"n":-1.5e1,"t":true,"f":false,"z":null,"a.b":7,"n":2}`
	paths := []string{"a.b.0", "a.b.1.c", "n", "t", "f", "z", "a", "a.b.2", "a.b.01", "no"}
	found := make([]Value, len(paths))
	if !Find([]byte(text), found, paths...) {
		t.Fatal("this is JSON")
	}
	for i, kind := range []Kind{Number, String, Number, True, False, Null, Nested, Missing, Missing, Missing} {
		if found[i].Kind != kind {
			t.Errorf("%s: kind %d, want %d", paths[i], found[i].Kind, kind)
		}
	}
	if v, ok := found[2].Float(); !ok || v != 2 {
		t.Errorf("the last of two fields: %v, %v", v, ok)
	}
	if got := string(found[1].Unescape()); got != "xé😀\ufffd" {
		t.Errorf("%q", got)
	}
	if !found[1].Equals("xé😀\ufffd") || found[1].Equals("x") || found[2].Equals("2") {
		t.Error("Equals")
	}
}

func FuzzFind(f *testing.F) {
	for _, seed := range []string{
		`{"a":1}`, `{"a":"\u0061\n"}`, `[1,2`, `{"a":01}`, `{"a":1,}`, `"\ud834\udd1e"`, ` { "a" : [ ] } `, `{"\u0061":"x"}`, "\"\x01\"", `-`, `1e`,
		strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("[", 65) + strings.Repeat("]", 65),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var found [1]Value
		ok := Find(text, found[:], "a")
		if !utf8.Valid(text) || strings.Count(string(text), "[")+strings.Count(string(text), "{") > maxDepth {
			return // Go replaces what isn't UTF-8, and nests more deeply
		}
		if want := json.Valid(text); ok != want {
			t.Fatalf("%q: %v, want %v", text, ok, want)
		}
		var object map[string]any
		if !ok || json.Unmarshal(text, &object) != nil {
			return
		}
		switch want := object["a"].(type) {
		case float64:
			if v, ok := found[0].Float(); !ok || v != want {
				t.Errorf("%q: %v, want %v", text, v, want)
			}
		case string:
			if got := string(found[0].Unescape()); got != want {
				t.Errorf("%q: %q, want %q", text, got, want)
			}
		}
	})
}
