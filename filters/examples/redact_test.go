package examples_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/filters"
	"weir/filters/examples"
)

// redacted is the reference for the filter redact: what is left of a value, and whether it is left at all.
func redacted(v any, paths [][]string, keep bool) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		left := map[string]any{}
		for name, member := range v {
			var inside [][]string
			named := false
			for _, path := range paths {
				if path[0] == name {
					if len(path) == 1 {
						named = true
					} else {
						inside = append(inside, path[1:])
					}
				}
			}
			if named {
				if keep {
					left[name] = member
				}
				continue
			}
			if len(inside) == 0 {
				if !keep {
					left[name] = member
				}
				continue
			}
			if rest, ok := redacted(member, inside, keep); ok {
				left[name] = rest
			}
		}
		return left, true
	case []any:
		left := []any{}
		for _, item := range v {
			if rest, ok := redacted(item, paths, keep); ok {
				left = append(left, rest)
			}
		}
		return left, true
	}
	return v, !keep
}

func documents(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kind := rapid.IntRange(0, 5).Draw(t, "kind")
		switch {
		case depth > 0 && kind == 0:
			return rapid.SliceOfN(documents(depth-1), 0, 3).Draw(t, "array")
		case depth > 0 && kind <= 3:
			return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c", "ü\"\\", ""}), documents(depth-1), 0, 4).Draw(t, "object")
		}
		return rapid.SampledFrom([]any{"x", `}"],{`, 1.5, -2e30, true, nil, ""}).Draw(t, "scalar")
	})
}

func TestRedactAgreesWithGo(t *testing.T) {
	f := open(t, examples.Redact())
	rapid.Check(t, func(t *rapid.T) {
		value := documents(4).Draw(t, "value")
		text, err := json.MarshalIndent(value, "", rapid.SampledFrom([]string{"", " "}).Draw(t, "indent"))
		if err != nil {
			t.Fatal(err)
		}
		var paths [][]string
		var names []string
		for range rapid.IntRange(1, 5).Draw(t, "fields") {
			path := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "ü\"\\"}), 1, 3).Draw(t, "path")
			paths, names = append(paths, path), append(names, strings.Join(path, "."))
		}
		kind := rapid.SampledFrom([]string{"keep", "remove"}).Draw(t, "kind")
		prepared := prepare(t, f, paramsOf(t, map[string]any{kind: names}))
		e := payload(string(text))
		scalar := !slices.Contains([]reflect.Kind{reflect.Map, reflect.Slice}, reflect.ValueOf(value).Kind())
		if got := ask(t, f, e, prepared)[0]; got == scalar {
			t.Fatalf("%s: match %v", text, got)
		}
		shown, err := f.Project(t.Context(), filters.AppendEvent(nil, "c", e), prepared, nil)
		if err != nil {
			t.Fatal(err)
		}
		if scalar {
			if len(shown) != 0 {
				t.Fatalf("%s: shows %q", text, shown)
			}
			return
		}
		var got, all any
		if err := json.Unmarshal(shown, &got); err != nil {
			t.Fatalf("%s, %s %q: shows %s: %v", text, kind, names, shown, err)
		}
		if err := json.Unmarshal(text, &all); err != nil {
			t.Fatal(err)
		}
		if want, _ := redacted(all, paths, kind == "keep"); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s, %s %q: shows %s, want %v", text, kind, names, shown, want)
		}
	})
}
