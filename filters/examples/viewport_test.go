package examples_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"weir/filters/examples"
	"weir/proto/fault"
)

// A box is the reference for the viewport filter, in plain Go.
type box struct {
	West  float64 `json:"west"`
	South float64 `json:"south"`
	East  float64 `json:"east"`
	North float64 `json:"north"`
	Lon   string  `json:"lon,omitempty"`
	Lat   string  `json:"lat,omitempty"`
}

func (b box) params() string {
	p, err := json.Marshal(b)
	if err != nil {
		panic(err)
	}
	return string(p)
}

func (b box) covers(text []byte) bool {
	names := [2]string{"lon", "lat"}
	if b.Lon != "" {
		names[0] = b.Lon
	}
	if b.Lat != "" {
		names[1] = b.Lat
	}
	v, ok := parse(text)
	lon, isLon := number(lookup(v, names[0]))
	lat, isLat := number(lookup(v, names[1]))
	if !ok || !isLon || !isLat || math.Abs(lon) > 180 || math.Abs(lat) > 90 {
		return false
	}
	if lat < b.South || lat >= b.North && b.North != 90 {
		return false
	}
	if lon == 180 {
		lon = -180
	}
	if b.West > b.East {
		return lon >= b.West || lon < b.East
	}
	return lon >= b.West && lon < b.East
}

func TestViewportBorders(t *testing.T) {
	f := open(t, examples.Viewport())
	alps := box{West: 5, South: 45, East: 10, North: 48}
	fiji := box{West: 170, South: -30, East: -170, North: -10}
	polar := box{West: -180, South: 60, East: 180, North: 90}
	for _, c := range []struct {
		box      box
		lon, lat string
		want     bool
	}{
		{alps, "7", "46", true},
		{alps, "5", "46", true},
		{alps, "10", "46", false},
		{alps, "7", "45", true},
		{alps, "7", "48", false},
		{alps, "9.99999999999999822", "47.99999999999999289", true},
		{alps, "9.9999999999999999", "46", false}, // rounds to 10
		{alps, "4.9999999999999999", "46", true},  // rounds to 5
		{alps, "-7", "46", false},
		{fiji, "175", "-20", true},
		{fiji, "-175", "-20", true},
		{fiji, "170", "-20", true},
		{fiji, "-170", "-20", false},
		{fiji, "180", "-20", true},
		{fiji, "-180", "-20", true},
		{fiji, "0", "-20", false},
		{fiji, "169.9", "-20", false},
		{fiji, "-169.9", "-20", false},
		{box{West: 180, South: -1, East: -170, North: 1}, "180", "0", true},
		{box{West: 180, South: -1, East: -170, North: 1}, "179.9", "0", false},
		{box{West: 170, South: -1, East: 180, North: 1}, "179.9", "0", true},
		{box{West: 170, South: -1, East: 180, North: 1}, "180", "0", false}, // that is -180
		{box{West: -180, South: -1, East: -170, North: 1}, "180", "0", true},
		{box{West: 0, South: -1, East: -180, North: 1}, "179.9", "0", true},
		{box{West: 0, South: -1, East: -180, North: 1}, "180", "0", false},
		{polar, "180", "90", true},
		{polar, "-180", "90", true},
		{polar, "0", "60", true},
		{polar, "0", "59.9", false},
		{polar, "0", "90.1", false},
		{polar, "180.1", "80", false},
		{polar, "1e400", "80", false},
		{polar, "-0", "80", true},
		{polar, "1e1", "8E+1", true},
		{polar, `"7"`, "80", false},
		{polar, "null", "80", false},
		{polar, "true", "80", false},
		{polar, "[7]", "80", false},
		{polar, "07", "80", false},
		{polar, "+7", "80", false},
		{polar, ".7", "80", false},
		{polar, "NaN", "80", false},
	} {
		text := fmt.Sprintf(`{"lon": %s, "lat": %s}`, c.lon, c.lat)
		if got := ask(t, f, payload(text), prepare(t, f, c.box.params()))[0]; got != c.want {
			t.Errorf("%s in %s: %v", text, c.box.params(), got)
		}
		if got := c.box.covers([]byte(text)); got != c.want {
			t.Errorf("the reference, %s in %s: %v", text, c.box.params(), got)
		}
	}
}

func TestViewportRefusesParamsWithAReason(t *testing.T) {
	f := open(t, examples.Viewport())
	for params, says := range map[string]string{
		``:                              "must be a JSON object",
		`[]`:                            "must be a JSON object",
		`null`:                          "must be a JSON object",
		`{`:                             "must be a JSON object",
		`{}`:                            `"west" is missing`,
		`{"west":1,"south":2,"east":3}`: `"north" is missing`,
		`{"west":"1","south":2,"east":3,"north":4}`:                         `"west" must be a number`,
		`{"west":NaN,"south":2,"east":3,"north":4}`:                         "must be a JSON object",
		`{"west":-180.5,"south":2,"east":3,"north":4}`:                      `"west" must be between -180 and 180`,
		`{"west":1,"south":-91,"east":3,"north":4}`:                         `"south" must be between -90 and 90`,
		`{"west":1,"south":2,"east":1e9,"north":4}`:                         `"east" must be between`,
		`{"west":1,"south":2,"east":1e999,"north":4}`:                       `"east" must be between`,
		`{"west":1,"south":2,"east":3,"north":90.1}`:                        `"north" must be between`,
		`{"west":1,"south":4,"east":3,"north":4}`:                           `"south" must be less than "north"`,
		`{"west":1,"south":5,"east":3,"north":4}`:                           `"south" must be less than "north"`,
		`{"west":1,"south":2,"east":1,"north":4}`:                           `"west" and "east" must differ`,
		`{"west":1,"south":2,"east":3,"north":4,"lon":7}`:                   `"lon" must name a field`,
		`{"west":1,"south":2,"east":3,"north":4,"lat":""}`:                  `"lat" must name a field`,
		`{"west":1,"south":2,"east":3,"north":4,"lat":"a..b"}`:              `"lat" has an empty name`,
		`{"west":1,"south":2,"east":3,"north":4,"lat":"a."}`:                `"lat" has an empty name`,
		`{"west":1,"south":2,"east":3,"north":4,"lat":"a\u0000b"}`:          `"lat" contains a control character`,
		`{"west":1,"west":null,"south":2,"east":3,"north":4}`:               `"west" must be a number`,
		`{"west":1,"south":2,"east":3,"north":4,"x":` + nest(64, "1") + `}`: "must be a JSON object",
	} {
		_, err := f.Prepare(context.Background(), []byte(params))
		if fault.CodeOf(err) != fault.FilterParams || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", params, err, says)
		}
	}
}

// nest puts a value into so many arrays.
func nest(n int, value string) string {
	return strings.Repeat("[", n) + value + strings.Repeat("]", n)
}

// degrees draws a number as it may stand in an event.
func degrees(limit float64) *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.Map(rapid.Float64Range(-limit, limit), func(v float64) string { return fmt.Sprint(v) }),
		rapid.Map(rapid.Float64Range(-limit, limit), func(v float64) string { return fmt.Sprintf("%.4f", v) }),
		rapid.Map(rapid.Float64Range(-limit, limit), func(v float64) string { return fmt.Sprintf("%.30e", v) }),
		rapid.Map(rapid.IntRange(int(-limit), int(limit)), func(v int) string { return fmt.Sprint(v) }),
		rapid.StringMatching(`-?(0|[1-9]\d{0,3})(\.\d{1,40})?([eE][+-]?\d{1,3})?`),
		rapid.SampledFrom([]string{"180", "-180", "90", "-90", "0", "-0", "null", `"1"`, "1e400", "181", "[]", "{}"}),
	)
}

func boxes() *rapid.Generator[box] {
	return rapid.Custom(func(t *rapid.T) box {
		side := func(name string, limit float64) float64 {
			return rapid.OneOf(
				rapid.Float64Range(-limit, limit),
				rapid.SampledFrom([]float64{-limit, limit, 0}),
				rapid.Map(rapid.IntRange(int(-limit), int(limit)), func(v int) float64 { return float64(v) }),
			).Draw(t, name)
		}
		b := box{West: side("west", 180), East: side("east", 180), South: side("south", 90), North: side("north", 90)}
		if b.South > b.North {
			b.South, b.North = b.North, b.South
		}
		if b.South == b.North {
			b.South, b.North = -90, b.North+0.5
			b.North = min(b.North, 90)
		}
		if b.West == b.East {
			b.West, b.East = -180, 180
		}
		b.Lon = rapid.SampledFrom([]string{"", "", "lon", "p.lon", "c.0", "ÿ"}).Draw(t, "lon")
		b.Lat = rapid.SampledFrom([]string{"", "", "lat", "p.lat", "c.1", "lon"}).Draw(t, "lat")
		return b
	})
}

func TestViewportAgreesWithGo(t *testing.T) {
	f := open(t, examples.Viewport())
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(boxes(), 1, 70).Draw(t, "boxes")
		prepared := make([][]byte, len(all))
		for i, b := range all {
			prepared[i] = prepare(t, f, b.params())
		}
		value := func(name string, limit float64) string { return degrees(limit).Draw(t, name) }
		fields := []string{
			`"lon":` + value("lon", 180), `"lat" : ` + value("lat", 90), `"l\u006fn":` + value("lon again", 180), `"\u00ff":` + value("ÿ", 180),
			`"p":{"lon":` + value("p.lon", 180) + `,"lat":` + value("p.lat", 90) + `}`, `"c":[` + value("c.0", 180) + `,` + value("c.1", 90) + `]`,
			`"other":{"lon":1,"lat":[2,{"x":"}"}]}`,
		}
		fields = rapid.Permutation(fields).Draw(t, "order")[:rapid.IntRange(0, len(fields)).Draw(t, "fields")]
		text := "{" + strings.Join(fields, ",") + "}"
		want := make([]bool, len(all))
		for i, b := range all {
			want[i] = b.covers([]byte(text))
		}
		if got := ask(t, f, payload(text), prepared...); !slices.Equal(got, want) {
			t.Fatalf("%s\n%v\n got %v\nwant %v", text, all, got, want)
		}
	})
}

func FuzzViewportPayload(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"lon":8.5,"lat":47.4}`, `{"lon":8.5,"lat":47.4`, `{"lon":8.5,"lat":47.4}x`, ` {"lon" :1e1 , "lat":-0.5e-3 } `,
		`{"l\u006fn":1,"lat":2,"lat":"\ud834\udd1e"}`, `{"lon":00,"lat":1}`, `{"a":` + nest(63, "1") + `,"lon":1,"lat":1}`,
		`{"lon":123456789012345678901234567890e-28,"lat":0.000000000000000000000000000001}`, "{\"lon\":1,\"lat\":2,\"a\":\"\x01\"}",
	} {
		f.Add([]byte(seed))
	}
	filter := open(f, examples.Viewport())
	world := []box{{West: -180, South: -90, East: 180, North: 90}, {West: 0, South: 0, East: 90, North: 45}, {West: 1, South: -1, East: 0.5, North: 2, Lon: "a.b", Lat: "0"}}
	var prepared [][]byte
	for _, b := range world {
		prepared = append(prepared, prepare(f, filter, b.params()))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !utf8.Valid(text) {
			return // Go replaces what isn't UTF-8, guests compare it as it is
		}
		for i, got := range ask(t, filter, payload(string(text)), prepared...) {
			if want := world[i].covers(text); got != want {
				t.Errorf("%q in %+v: %v, want %v", text, world[i], got, want)
			}
		}
	})
}
