package cases

import (
	"reflect"
	"strings"
	"testing"

	"weir/filters"
	"weir/filters/examples"
)

func parse(t *testing.T, text string) *Table {
	t.Helper()
	table, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestParse(t *testing.T) {
	table := parse(t, `
cases:
- name: all of it
  params: {min: 60, list: [a, "<"]}
  event: {channel: c, offset: 0, time_ms: 5, key: k, content_type: t, headers: [{name: n, value: v}], payload: "{ }", tombstone: true}
  match: true
- params: as it is
  refused: no`)
	c := table.Cases[0]
	if string(c.Params) != `{"list":["a","<"],"min":60}` || string(c.Event.Payload) != "{ }" || !*c.Match {
		t.Errorf("%+v", c)
	}
	channel, e := c.Event.message()
	if channel != "c" || e.GetOffset() != 0 || e.GetTimeMs() != 5 || e.GetKey() != "k" || e.GetContentType() != "t" || !e.GetTombstone() ||
		e.GetHeaders()[0].GetValue() != "v" {
		t.Errorf("%+v", e)
	}
	if c := table.Cases[1]; c.Name != "case 2" || string(c.Params) != "as it is" {
		t.Errorf("%+v", c)
	}
	// JSON is YAML too.
	parse(t, `{"cases":[{"name":"x","params":{"a":1},"event":{"payload":{"b":2}},"match":false}]}`)
	parse(t, "")
}

func TestParseRefusesWhatCannotBeMeant(t *testing.T) {
	for text, says := range map[string]string{
		"cases: 1":                          "",
		"caces: []":                         "caces",
		"cases: [{name: x}]":                "x: it expects nothing",
		"cases: [{params: a, match: true}]": "need an event",
		"cases: [{params: a, event: {payload: x}, matches: true}]":       "matches",
		"cases: [{params: a, refused: b, event: {key: k}, match: true}]": "have no match",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}

func TestParseEvents(t *testing.T) {
	events, err := ParseEvents([]byte("{\"key\":\"a\",\"payload\":{\"x\":1}}\n\n{\"payload\":\"text\"}\n"))
	if err != nil || len(events) != 2 || string(events[0].Payload) != `{"x":1}` || string(events[1].Payload) != "text" {
		t.Errorf("%+v, %v", events, err)
	}
	if _, err := ParseEvents([]byte("{}\n{\"kay\":1}")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("an unknown field: %v", err)
	}
}

func TestRunTellsWhatIsDifferent(t *testing.T) {
	e, err := filters.New(t.Context(), filters.Config{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := e.Open(t.Context(), examples.Redact().Module)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	results := Run(t.Context(), f, parse(t, `
cases:
- {name: holds, params: {remove: [a]}, event: {payload: {a: 1, b: 2}}, match: true, projection: '{"b": 2}'}
- {name: match, params: {remove: [a]}, event: {payload: x}, match: true}
- {name: projection, params: {remove: [a]}, event: {payload: {a: 1}}, projection: {a: 1}}
- {name: accepted, params: {remove: [a]}, refused: "no"}
- {name: refused, params: x, event: {key: k}, match: true}
- {name: refused otherwise, params: x, refused: because}
- {name: keys, params: {remove: [a]}, event: {key: k}, keys: [1]}`))
	var got []string
	for _, r := range results {
		line := r.Name
		for _, d := range r.Differences {
			line += " | " + d.What + ": " + d.Want + " / " + d.Got
		}
		got = append(got, line)
	}
	usage := `refused: params must be like {"remove":["email","card.number"]} or {"keep":["id"]}`
	want := []string{
		"holds",
		"match | match: true / false",
		`projection | projection: {"a":1} / {}`,
		"accepted | params: refused: no / accepted",
		"refused | params: accepted / " + usage,
		"refused otherwise | params: refused: because / " + usage,
		"keys | keys: [0x1] / error: the filter failed in weir_keys: it does not export it",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
