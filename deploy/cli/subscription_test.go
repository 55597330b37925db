package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/edge/edgeclient"
)

func TestParseFilters(t *testing.T) {
	for _, test := range []struct {
		name          string
		names, params []string
		want          []edgeclient.Filter // nil: refused
	}{
		{"one", []string{"viewport"}, []string{`{"west":5}`}, []edgeclient.Filter{{Name: "viewport", Params: []byte(`{"west":5}`)}}},
		{"version", []string{"viewport@3"}, nil, []edgeclient.Filter{{Name: "viewport", Version: 3}}},
		{"two", []string{"a", "b"}, []string{"1", "2"}, []edgeclient.Filter{{Name: "a", Params: []byte("1")}, {Name: "b", Params: []byte("2")}}},
		{"params for whom", []string{"a", "b"}, []string{"1"}, nil},
		{"params for nobody", nil, []string{"1"}, nil},
		{"no JSON", []string{"a"}, []string{"{west:5}"}, nil},
		{"an expression", []string{"expr"}, []string{"delay > 60"}, []edgeclient.Filter{{Name: "expr", Params: []byte("delay > 60")}}},
		{"no version", []string{"a@"}, nil, nil},
		{"version zero", []string{"a@0"}, nil, nil},
		{"large version", []string{"a@4294967296"}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseFilters(test.names, test.params)
			if (err != nil) != (test.want == nil) {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if err != nil && exitCode(err) != exitUsage {
				t.Errorf("exit code %d", exitCode(err))
			}
		})
	}
}

func TestParseSince(t *testing.T) {
	for _, test := range []struct {
		text     string
		earliest bool
		after    *edgeclient.Cursor
		bad      bool
	}{
		{text: ""},
		{text: "earliest", earliest: true},
		{text: "1795000000123:42", after: &edgeclient.Cursor{Epoch: 1795000000123, Offset: 42}},
		{text: "42", bad: true},
		{text: "0:4", bad: true},
		{text: "a:b", bad: true},
		{text: "1:-1", bad: true},
		{text: "1:2:3", bad: true},
	} {
		earliest, after, err := parseSince(test.text)
		if (err != nil) != test.bad || earliest != test.earliest {
			t.Errorf("%q: %t, %v", test.text, earliest, err)
		}
		if diff := cmp.Diff(test.after, after); diff != "" {
			t.Errorf("%q: %s", test.text, diff)
		}
	}
}
