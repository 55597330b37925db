package examples_test

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/filters/examples"
	"weir/proto/weirpb"
)

// paramsOf writes params as JSON.
func paramsOf(t fataler, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(text)
}

func TestThresholdAgreesWithGo(t *testing.T) {
	f := open(t, examples.Threshold())
	rapid.Check(t, func(t *rapid.T) {
		// Few values, so that borders are met.
		value := rapid.Map(rapid.IntRange(-4, 4), func(v int) float64 { return float64(v) / 2 })
		var prepared [][]byte
		var want []bool
		fields := map[string]float64{"a": value.Draw(t, "a"), "b": value.Draw(t, "b")}
		for range rapid.IntRange(1, 70).Draw(t, "groups") {
			field := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "field")
			params := map[string]any{"field": field}
			v, ok := fields[field]
			if low := rapid.SampledFrom([]string{"min", "above", ""}).Draw(t, "low"); low != "" {
				bound := value.Draw(t, "lower bound")
				params[low] = bound
				ok = ok && (v > bound || v == bound && low == "min")
			}
			if high := rapid.SampledFrom([]string{"max", "below", ""}).Draw(t, "high"); high != "" || len(params) == 1 {
				bound := value.Draw(t, "upper bound")
				if high == "" {
					high = "max"
				}
				params[high] = bound
				ok = ok && (v < bound || v == bound && high == "max")
			}
			prepared = append(prepared, prepare(t, f, paramsOf(t, params)))
			want = append(want, ok)
		}
		if got := ask(t, f, payload(paramsOf(t, fields)), prepared...); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// drawn is the reference for the filter sample.
func drawn(share float64, seed, key string) bool {
	h := fnv.New64a()
	h.Write([]byte(seed + key))
	v := h.Sum64()
	v = (v ^ v>>33) * 0xff51afd7ed558ccd
	v = (v ^ v>>33) * 0xc4ceb9fe1a85ec53
	return float64((v^v>>33)>>11) < float64(uint64(share*(1<<53)))
}

func TestSampleAgreesWithGo(t *testing.T) {
	f := open(t, examples.Sample())
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringN(1, 20, 100).Draw(t, "key")
		user := rapid.String().Draw(t, "user")
		var prepared [][]byte
		var want []bool
		for range rapid.IntRange(1, 20).Draw(t, "groups") {
			share := rapid.Float64Range(0, 1).Draw(t, "share")
			seed := rapid.SampledFrom([]string{"", "a", "ü"}).Draw(t, "seed")
			params := map[string]any{"share": share, "seed": seed}
			by := key
			if rapid.Bool().Draw(t, "by field") {
				params["field"], by = "user", user
			}
			prepared = append(prepared, prepare(t, f, paramsOf(t, params)))
			want = append(want, drawn(share, seed, by))
		}
		e := &weirpb.Event{Offset: 1, Key: key, Payload: []byte(paramsOf(t, map[string]string{"user": user}))}
		if got := ask(t, f, e, prepared...); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestSampleDrawsItsShare(t *testing.T) {
	f := open(t, examples.Sample())
	var prepared [][]byte
	for _, share := range []string{"0.01", "0.1", "0.5"} {
		prepared = append(prepared, prepare(t, f, `{"share":`+share+`}`))
	}
	const keys = 10_000
	var counts [3]int
	for i := range keys {
		got := ask(t, f, &weirpb.Event{Offset: 1, Key: fmt.Sprint("key-", i)}, prepared...)
		for n, yes := range got {
			if yes {
				counts[n]++
			}
		}
		if got[0] && !got[1] || got[1] && !got[2] {
			t.Errorf("key %d is in a smaller share and not in a larger one: %v", i, got)
		}
	}
	for n, want := range []int{100, 1000, 5000} {
		if tolerance := want/10 + 30; counts[n] < want-tolerance || counts[n] > want+tolerance {
			t.Errorf("drew %d of %d, want some %d", counts[n], keys, want)
		}
	}
}

func TestTagsAgreeWithGo(t *testing.T) {
	f := open(t, examples.Tags())
	rapid.Check(t, func(t *rapid.T) {
		tag := rapid.SampledFrom([]string{"a", "b", "c", "ab", "", "ü\"", "\n"})
		fields := map[string]any{"one": tag.Draw(t, "one"), "many": rapid.SliceOfN(tag, 0, 40).Draw(t, "many")}
		e := &weirpb.Event{Offset: 1, Payload: []byte(paramsOf(t, fields))}
		headers := rapid.SliceOfN(tag, 0, 4).Draw(t, "headers")
		for _, value := range headers {
			e.Headers = append(e.Headers, &weirpb.Header{Name: "h", Value: value}, &weirpb.Header{Name: "other", Value: "a"})
		}
		many := fields["many"].([]string)
		sources := map[string][]string{"one": {fields["one"].(string)}, "many": many[:min(32, len(many))], "h": headers, "none": nil}
		var prepared [][]byte
		var want []bool
		for range rapid.IntRange(1, 70).Draw(t, "groups") {
			source := rapid.SampledFrom([]string{"one", "many", "h", "none"}).Draw(t, "source")
			wanted := rapid.SliceOfN(tag, 1, 60).Draw(t, "wanted")
			params := map[string]any{"in": wanted}
			if source == "h" {
				params["header"] = source
			} else {
				params["field"] = source
			}
			prepared = append(prepared, prepare(t, f, paramsOf(t, params)))
			want = append(want, slices.ContainsFunc(sources[source], func(s string) bool { return slices.Contains(wanted, s) }))
		}
		if got := ask(t, f, e, prepared...); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestTagsHaveRoom(t *testing.T) {
	f := open(t, examples.Tags())
	deep := strings.Repeat(`{"a":`, 62) + `["x","y"]` + strings.Repeat("}", 62)
	path := strings.Repeat("a.", 61) + "a"
	p := prepare(t, f, `{"field":"`+path+`","in":["y"]}`)
	if !ask(t, f, payload(deep), p)[0] {
		t.Error("a tag 63 deep is not found")
	}
	many := paramsOf(t, map[string]any{"field": "a", "in": make([]string, 61)})
	if _, err := f.Prepare(t.Context(), []byte(many)); err == nil || !strings.Contains(err.Error(), "more than 60") {
		t.Errorf("61 tags: %v", err)
	}
}
