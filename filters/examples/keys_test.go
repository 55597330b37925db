package examples_test

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/filters"
	"weir/filters/examples"
	"weir/proto/weirpb"
)

// concerns reports whether an event may concern a group, by the keys of both.
func concerns(keys, interest []uint64) bool {
	if slices.Contains(keys, filters.KeyAny) || slices.Contains(interest, filters.KeyAny) {
		return true
	}
	return slices.ContainsFunc(keys, func(key uint64) bool { return slices.Contains(interest, key) })
}

func keysOf(t fataler, f *filters.Filter, event []byte) []uint64 {
	t.Helper()
	keys, err := f.Keys(context.Background(), event, nil)
	if err != nil {
		t.Fatalf("keys: %v", err)
	}
	return keys
}

func interestOf(t fataler, f *filters.Filter, prepared []byte) []uint64 {
	t.Helper()
	interest, err := f.Interest(context.Background(), prepared, nil)
	if err != nil {
		t.Fatalf("interest: %v", err)
	}
	return interest
}

// checkKeys checks that an event has a key in common with every group that gets it, if the filter has keys at all.
func checkKeys(t fataler, f *filters.Filter, event []byte, prepared [][]byte, answers []bool) {
	t.Helper()
	if !slices.Contains(f.Manifest().Abilities, filters.AbilityKeys) {
		return
	}
	keys := keysOf(t, f, event)
	for i, yes := range answers {
		if yes && !concerns(keys, interestOf(t, f, prepared[i])) {
			t.Fatalf("group %d gets the event %q, but wants none of its keys %x", i, event, keys)
		}
	}
}

func TestViewportKeysNarrowDown(t *testing.T) {
	f := open(t, examples.Viewport())
	r := rand.New(rand.NewSource(1))
	for _, degrees := range []float64{0.02, 1, 15} {
		var interests [][]uint64
		for range 300 {
			west, south := r.Float64()*335-170, r.Float64()*150-80
			b := box{West: west, South: south, East: west + degrees, North: south + degrees/2}
			interest := interestOf(t, f, prepare(t, f, b.params()))
			if len(interest) == 0 || len(interest) > 32 {
				t.Errorf("%+v wants %d keys", b, len(interest))
			}
			interests = append(interests, interest)
		}
		asked, pairs := 0, 0
		for range 300 {
			text := fmt.Sprintf(`{"lon":%v,"lat":%v}`, r.Float64()*340-170, r.Float64()*150-80)
			keys := keysOf(t, f, filters.AppendEvent(nil, "flights", payload(text)))
			for _, interest := range interests {
				pairs++
				if concerns(keys, interest) {
					asked++
				}
			}
		}
		// The boxes' own share of the places, with what covers them in cells: less than four times as much.
		if most := 4*degrees*degrees/2/340/150*float64(pairs) + 10; float64(asked) > most {
			t.Errorf("boxes of %v degrees: %d of %d pairs have a key in common, more than %.0f", degrees, asked, pairs, most)
		}
	}
}

func TestEventsWithoutAPlaceHaveNoKeys(t *testing.T) {
	f := open(t, examples.Viewport())
	for _, text := range []string{``, `{}`, `{"lon":1}`, `{"lon":1,"lat":91}`, `{"lon":1,"lat":1`, `{"lon":"1","lat":1}`} {
		if keys := keysOf(t, f, filters.AppendEvent(nil, "flights", payload(text))); len(keys) != 0 {
			t.Errorf("%s: %x", text, keys)
		}
	}
}

// TestGeofenceKeysAroundTheEarth asks about places and polygons near the antimeridian and the poles; ask compares keys.
func TestGeofenceKeysAroundTheEarth(t *testing.T) {
	f := open(t, examples.Geofence())
	rapid.Check(t, func(t *rapid.T) {
		near := rapid.OneOf(rapid.Float64Range(-3, 3), rapid.SampledFrom([]float64{0, -1e-13, 1e-13, 1, -1}))
		lon := func(name string) float64 {
			v := 180 + near.Draw(t, name)
			if v > 180 || rapid.Bool().Draw(t, "the other name") && v == 180 {
				v -= 360
			}
			return v
		}
		lat := func(name string) float64 {
			return rapid.SampledFrom([]float64{-90, -89, -1, -0.5, 0, 0.25, 1, 89.5, 90}).Draw(t, name)
		}
		polygon := []place{{lon("a"), lat("a lat")}, {lon("b"), lat("b lat")}, {lon("c"), lat("c lat")}}
		prepared, err := f.Prepare(context.Background(), []byte(polygonParams(polygon)))
		if err != nil {
			t.Skip("no polygon")
		}
		vertex := rapid.SampledFrom(polygon).Draw(t, "vertex")
		for _, at := range []place{{lon("lon"), lat("lat")}, vertex, {vertex.lon, lat("lat")}} {
			ask(t, f, payload(fmt.Sprintf(`{"lon":%v,"lat":%v}`, at.lon, at.lat)), prepared)
		}
	})
}

func TestTagsKeysOfNestedTexts(t *testing.T) {
	f := open(t, examples.Tags())
	for _, c := range []struct{ field, payload string }{
		{"a", `{"a":"x"}`},
		{"a", `{"a":["y","x"]}`},
		{"a", ` { "b" : { "a" : "y" } , "a" : [ 1 , "\u0078" ] } `},
		{"a.b", `{"a":{"c":["x"],"b":"x"}}`},
		{"a.1.b", `{"a":[{"b":"y"},{"b":"x"}]}`},
		{"a.11", `{"a":[0,1,2,3,4,5,6,7,8,9,[],"x"]}`},
		{"0", `["x"]`},
		{"1.a", `[{"a":"y"},{"a":["}","\"]","x"]}]`},
		{"ü", `{"\u00fc":"x"}`},
	} {
		p := prepare(t, f, fmt.Sprintf(`{"field":%q,"in":["x","z"]}`, c.field))
		if !ask(t, f, payload(c.payload), p)[0] {
			t.Errorf("%s is not in %s", c.field, c.payload)
		}
		other := prepare(t, f, fmt.Sprintf(`{"field":"%s.q","in":["x"]}`, c.field))
		keys := keysOf(t, f, filters.AppendEvent(nil, "flights", payload(c.payload)))
		if concerns(keys, interestOf(t, f, other)) {
			t.Errorf("%s: asked about another field", c.payload)
		}
	}
}

func TestTagsKeysOfHeaders(t *testing.T) {
	f := open(t, examples.Tags())
	wanted := interestOf(t, f, prepare(t, f, `{"header":"region","in":["eu","us"]}`))
	for value, want := range map[string]bool{"eu": true, "us": true, "asia": false} {
		e := &weirpb.Event{Offset: 1, Headers: []*weirpb.Header{{Name: "kind", Value: "a"}, {Name: "region", Value: value}}}
		if got := concerns(keysOf(t, f, filters.AppendEvent(nil, "flights", e)), wanted); got != want {
			t.Errorf("region %s: %v", value, got)
		}
	}
}

// TestTooManyTextsConcernAll has more texts than there may be keys.
func TestTooManyTextsConcernAll(t *testing.T) {
	f := open(t, examples.Tags())
	e := payload(`{"a":["` + strings.Repeat(`x","`, 100) + `"]}`)
	if keys := keysOf(t, f, filters.AppendEvent(nil, "flights", e)); !slices.Equal(keys, []uint64{filters.KeyAny}) {
		t.Errorf("keys %x", keys)
	}
}
