package cases

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"weir/filters"
	"weir/proto/fault"
)

// A Result is what came of a case.
type Result struct {
	Name string `json:"name"`
	// Differences between what is expected and what is. None: the case holds.
	Differences []Difference `json:"differences,omitempty"`
}

// A Difference is one expectation that does not hold. Want and Got are for people.
type Difference struct {
	// What is "match", "params", "projection", "keys" or "interest".
	What string `json:"what"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

// Run runs all cases of a table, each on its own. The routing keys of a filter that has some are then tried with all of them.
func Run(ctx context.Context, f *filters.Filter, t *Table) []Result {
	runs := make([]*run, len(t.Cases))
	for i := range t.Cases {
		runs[i] = &run{filter: f, want: &t.Cases[i]}
		runs[i].all(ctx)
	}
	checkKeys(ctx, f, runs)
	results := make([]Result, len(runs))
	for i, r := range runs {
		results[i] = Result{Name: r.want.Name, Differences: r.differences}
	}
	return results
}

// A run is that of one case.
type run struct {
	filter      *filters.Filter
	want        *Case
	event       []byte
	prepared    []byte
	differences []Difference
}

func (r *run) differ(what, want, got string) {
	r.differences = append(r.differences, Difference{What: what, Want: want, Got: got})
}

func (r *run) all(ctx context.Context) {
	if r.want.Event != nil {
		r.event = r.want.Event.Encode()
	}
	if r.params(ctx) {
		r.match(ctx)
		r.projection(ctx)
	}
	r.keys(ctx)
}

// params reports whether there is something to go on with.
func (r *run) params(ctx context.Context) bool {
	var err error
	r.prepared, err = r.filter.Prepare(ctx, r.want.Params)
	refused := fault.CodeOf(err) == fault.FilterParams
	switch {
	case err != nil && !refused:
		r.differ("params", "an answer", describe(err))
	case refused && r.want.Refused == "":
		r.differ("params", "accepted", "refused: "+fault.From(err).Message)
	case refused && !strings.Contains(fault.From(err).Message, r.want.Refused):
		r.differ("params", "refused: "+r.want.Refused, "refused: "+fault.From(err).Message)
	case err == nil && r.want.Refused != "":
		r.differ("params", "refused: "+r.want.Refused, "accepted")
	}
	return err == nil && r.want.Refused == ""
}

func (r *run) match(ctx context.Context) {
	if r.want.Match == nil {
		return
	}
	var set filters.Set
	set.Add(r.prepared)
	verdicts := filters.NewBitmap(set.Slots())
	got := ""
	if err := r.filter.Match(ctx, r.event, &set, verdicts); err != nil {
		got = describe(err)
	} else if verdicts.Get(0) != *r.want.Match {
		got = fmt.Sprint(verdicts.Get(0))
	}
	if got != "" {
		r.differ("match", fmt.Sprint(*r.want.Match), got)
	}
}

func (r *run) projection(ctx context.Context) {
	if r.want.Projection == nil {
		return
	}
	got, err := r.filter.Project(ctx, r.event, r.prepared, nil)
	if err != nil {
		r.differ("projection", string(*r.want.Projection), describe(err))
	} else if !same(got, *r.want.Projection) {
		r.differ("projection", string(*r.want.Projection), string(got))
	}
}

// same reports whether two payloads are equal, or mean the same as JSON.
func same(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	plain := func(text []byte) ([]byte, bool) {
		var v any
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if !json.Valid(text) || decoder.Decode(&v) != nil {
			return nil, false
		}
		sorted, err := json.Marshal(v)
		return sorted, err == nil
	}
	x, ok := plain(a)
	y, ok2 := plain(b)
	return ok && ok2 && bytes.Equal(x, y)
}

func (r *run) keys(ctx context.Context) {
	if r.want.Keys != nil {
		got, err := r.filter.Keys(ctx, r.event, nil)
		r.compareKeys("keys", *r.want.Keys, got, err)
	}
	if r.want.Interest != nil && r.prepared != nil {
		got, err := r.filter.Interest(ctx, r.prepared, nil)
		r.compareKeys("interest", *r.want.Interest, got, err)
	}
}

func (r *run) compareKeys(what string, want, got []uint64, err error) {
	want = slices.Sorted(slices.Values(want))
	slices.Sort(got)
	if err != nil {
		r.differ(what, hex(want), describe(err))
	} else if !slices.Equal(want, got) {
		r.differ(what, hex(want), hex(got))
	}
}

// describe tells of an error as people read it.
func describe(err error) string { return "error: " + fault.From(err).Message }
