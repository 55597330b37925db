package examples_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/filters/examples"
)

type place struct{ lon, lat float64 }

// surrounds is the reference for the filter geofence, for polygons that do not go across the antimeridian.
func surrounds(polygon []place, p place) bool {
	low, high := polygon[0], polygon[0]
	for _, v := range polygon {
		low = place{min(low.lon, v.lon), min(low.lat, v.lat)}
		high = place{max(high.lon, v.lon), max(high.lat, v.lat)}
	}
	// Rounding must not put inside what lies beyond all vertices.
	if p.lon < low.lon || p.lat < low.lat || p.lon > high.lon || p.lat > high.lat {
		return false
	}
	inside := false
	a := polygon[len(polygon)-1]
	for _, b := range polygon {
		// Explicit conversions keep Go from fusing operations, which would round otherwise.
		if (a.lat > p.lat) != (b.lat > p.lat) &&
			p.lon < float64((b.lon-a.lon)*float64((p.lat-a.lat)/(b.lat-a.lat)))+a.lon {
			inside = !inside
		}
		a = b
	}
	return inside
}

func polygonParams(polygon []place) string {
	vertices := make([]string, len(polygon))
	for i, v := range polygon {
		vertices[i] = fmt.Sprintf("[%v,%v]", v.lon, v.lat)
	}
	return `{"polygon":[` + strings.Join(vertices, ",") + `]}`
}

func TestGeofenceAgreesWithGo(t *testing.T) {
	f := open(t, examples.Geofence())
	degree := rapid.OneOf(rapid.Float64Range(-80, 80), rapid.Map(rapid.IntRange(-4, 4), func(v int) float64 { return float64(v * 10) }))
	places := rapid.Custom(func(t *rapid.T) place { return place{degree.Draw(t, "lon"), degree.Draw(t, "lat")} })
	rapid.Check(t, func(t *rapid.T) {
		p := places.Draw(t, "place")
		var prepared [][]byte
		var want []bool
		for range rapid.IntRange(1, 10).Draw(t, "groups") {
			polygon := rapid.SliceOfN(places, 3, 80).Draw(t, "polygon")
			if polygon[0] == polygon[len(polygon)-1] {
				polygon[0].lon += 0.5
			}
			prepared = append(prepared, prepare(t, f, polygonParams(polygon)))
			want = append(want, surrounds(polygon, p))
		}
		text := fmt.Sprintf(`{"lon":%v,"lat":%v}`, p.lon, p.lat)
		if got := ask(t, f, payload(text), prepared...); !slices.Equal(got, want) {
			t.Fatalf("%s: got %v, want %v", text, got, want)
		}
	})
}

func TestGeofenceWithManyVertices(t *testing.T) {
	f := open(t, examples.Geofence())
	// A comb: every second vertex is at its tips.
	comb := func(n int) (polygon []place) {
		for i := range n - 2 {
			polygon = append(polygon, place{float64(i) / 10, float64(i % 2)})
		}
		return append(polygon, place{60, -1}, place{0, -1})
	}
	for _, n := range []int{3, 31, 32, 33, 64, 65, 499, 500} {
		polygon := comb(n)
		p := prepare(t, f, polygonParams(polygon))
		for _, at := range []place{{0.1, 0.5}, {0.2, 0.5}, {40.1, 0.5}, {40.2, 0.5}, {1, -0.5}, {1, 2}} {
			text := fmt.Sprintf(`{"lon":%v,"lat":%v}`, at.lon, at.lat)
			if got, want := ask(t, f, payload(text), p)[0], surrounds(polygon, at); got != want {
				t.Errorf("%d vertices, %s: %v, want %v", n, text, got, want)
			}
		}
	}
	if _, err := f.Prepare(t.Context(), []byte(polygonParams(comb(501)))); err == nil || !strings.Contains(err.Error(), "more than 500") {
		t.Errorf("501 vertices: %v", err)
	}
}
