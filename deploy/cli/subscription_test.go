package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"weir/proto/weirpb"
)

func TestParseFilters(t *testing.T) {
	for _, test := range []struct {
		name          string
		names, params []string
		want          []*weirpb.FilterRef // nil: refused
	}{
		{"one", []string{"viewport"}, []string{`{"west":5}`}, []*weirpb.FilterRef{{Name: "viewport", Params: []byte(`{"west":5}`)}}},
		{"version", []string{"viewport@3"}, nil, []*weirpb.FilterRef{{Name: "viewport", Version: 3}}},
		{"two", []string{"a", "b"}, []string{"1", "2"}, []*weirpb.FilterRef{{Name: "a", Params: []byte("1")}, {Name: "b", Params: []byte("2")}}},
		{"params for whom", []string{"a", "b"}, []string{"1"}, nil},
		{"params for nobody", nil, []string{"1"}, nil},
		{"no JSON", []string{"a"}, []string{"{west:5}"}, nil},
		{"an expression", []string{"expr"}, []string{"delay > 60"}, []*weirpb.FilterRef{{Name: "expr", Params: []byte("delay > 60")}}},
		{"no version", []string{"a@"}, nil, nil},
		{"version zero", []string{"a@0"}, nil, nil},
		{"large version", []string{"a@4294967296"}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseFilters(test.names, test.params)
			if (err != nil) != (test.want == nil) {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(test.want, got, protocmp.Transform()); diff != "" {
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
		text   string
		start  weirpb.Start
		cursor *weirpb.Cursor
		bad    bool
	}{
		{"", weirpb.Start_START_LIVE, nil, false},
		{"earliest", weirpb.Start_START_EARLIEST, nil, false},
		{"1795000000123:42", weirpb.Start_START_CURSOR, &weirpb.Cursor{Epoch: 1795000000123, Offset: 42}, false},
		{"42", 0, nil, true},
		{"a:b", 0, nil, true},
		{"1:-1", 0, nil, true},
		{"1:2:3", 0, nil, true},
	} {
		start, cursor, err := parseSince(test.text)
		if (err != nil) != test.bad || start != test.start {
			t.Errorf("%q: %v, %v", test.text, start, err)
		}
		if diff := cmp.Diff(test.cursor, cursor, protocmp.Transform()); diff != "" {
			t.Errorf("%q: %s", test.text, diff)
		}
	}
}
