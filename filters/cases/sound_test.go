package cases

import (
	"fmt"
	"testing"

	"weir/filters"
	wt "weir/filters/internal/wasmtest"
)

// guest opens a filter whose match says yes to the first group, with such keys for every event and every group.
func guest(t *testing.T, keys, interest int64) *filters.Filter {
	t.Helper()
	m := wt.Guest().With(wt.GuestMatch, wt.LocalGet(4), wt.Const64(1), wt.Store64(), wt.Const64(0))
	for name, key := range map[string]int64{"weir_keys": keys, "weir_interest": interest} {
		m.Add(wt.Func{
			Name: name, Params: []byte{wt.I32, wt.I32}, Results: []byte{wt.I64},
			Code: wt.Code(wt.Const(wt.PrivateAt), wt.Const64(key), wt.Store64(), wt.Const64(wt.Result(wt.PrivateAt, 8))),
		})
	}
	e, err := filters.New(t.Context(), filters.Config{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := e.Open(t.Context(), m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestRunFindsKeysThatWouldHoldAMatchBack(t *testing.T) {
	table := parse(t, `
cases:
- {name: params, params: a, interest: [6]}
- {name: event, params: b, event: {key: k}, match: true}`)
	want := `[{keys one that the params of "params" want, as the event matches them: [0x6] [0x5]}]`
	for _, test := range []struct {
		keys, interest int64
		want           string
	}{{5, 6, want}, {6, 6, "[]"}, {0, 6, "[]"}} {
		results := Run(t.Context(), guest(t, test.keys, test.interest), table)
		if got := fmt.Sprint(results[1].Differences); got != test.want {
			t.Errorf("keys %d, interest %d: %s, want %s", test.keys, test.interest, got, test.want)
		}
		if len(results[0].Differences) != 0 {
			t.Errorf("the case of the params fails too: %v", results[0].Differences)
		}
	}
}
