package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// A box is the params of the viewport filter.
type box struct {
	West  float64 `json:"west"`
	South float64 `json:"south"`
	East  float64 `json:"east"`
	North float64 `json:"north"`
}

// A flight is what of its payload matters here.
type flight struct {
	Lon float64 `json:"lon"`
	Lat float64 `json:"lat"`
}

// holds is the viewport filter again, in a few words: of the borders, west and south belong to the box.
func (b box) holds(f flight) bool {
	return f.Lat >= b.South && f.Lat < b.North && f.Lon >= b.West && f.Lon < b.East
}

// viewAt recomputes, from a recording of the whole channel, which keys are in the box at an offset, with the offset of
// each one's latest event.
func viewAt(t testing.TB, recording []line, offset uint64, b box) map[string]uint64 {
	t.Helper()
	view := map[string]uint64{}
	for _, l := range recording {
		if l.Offset > offset {
			continue
		}
		switch l.Type {
		case "leave":
			delete(view, l.Key)
		case "snapshot", "enter", "update":
			var f flight
			if err := json.Unmarshal(l.Payload, &f); err != nil {
				t.Fatalf("payload of %s: %v", l.Key, err)
			}
			if delete(view, l.Key); b.holds(f) {
				view[l.Key] = l.Offset
			}
		case "gap":
			t.Fatalf("a gap in the recording: %+v", l)
		}
	}
	return view
}

// apply follows a filtered subscription and says what of it is not exact: an enter of what was there, an update or leave
// of what was not.
func apply(view map[string]uint64, lines []line) error {
	for _, l := range lines {
		_, held := view[l.Key]
		switch l.Type {
		case "snapshot":
			view[l.Key] = l.Offset
			continue
		case "enter":
			if held {
				return fmt.Errorf("enter of %s at %d, which was there", l.Key, l.Offset)
			}
			view[l.Key] = l.Offset
		case "update":
			if !held {
				return fmt.Errorf("update of %s at %d, which was not there", l.Key, l.Offset)
			}
			view[l.Key] = l.Offset
		case "leave":
			if !held {
				return fmt.Errorf("leave of %s at %d, which was not there", l.Key, l.Offset)
			}
			delete(view, l.Key)
		case "gap":
			return fmt.Errorf("a gap: %+v", l)
		}
	}
	return nil
}

func sameView(got, want map[string]uint64) error {
	if maps.Equal(got, want) {
		return nil
	}
	var wrong []string
	for key, offset := range want {
		if at, ok := got[key]; !ok || at != offset {
			wrong = append(wrong, fmt.Sprintf("%s should be there at %d, is at %d", key, offset, at))
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			wrong = append(wrong, key+" should not be there")
		}
	}
	slices.Sort(wrong)
	return fmt.Errorf("%d keys, want %d: %v", len(got), len(want), wrong[:min(len(wrong), 10)])
}

// `weir sub flights --filter viewport` prints what recomputing from `weir sub flights` gives.
func TestSubEqualsRecomputation(t *testing.T) {
	s := newServer(t)
	california := box{West: -125, South: 32, East: -114, North: 42}
	everything := record(s, "flights")
	everything.await("a snapshot and some updates", func(lines []line) bool { return len(lines) > 500 })
	filtered := record(s, "flights", "--filter", "viewport", "--params", `{"west":-125,"south":32,"east":-114,"north":42}`)
	seen := filtered.await("a snapshot, enters, updates and leaves", func(lines []line) bool {
		count := map[string]int{}
		for _, l := range lines {
			count[l.Type]++
		}
		return count["snapshot"] > 0 && count["update"] > 100 && count["enter"] > 0 && count["leave"] > 0
	})
	view := map[string]uint64{}
	if err := apply(view, seen); err != nil {
		t.Fatal(err)
	}
	at := seen[len(seen)-1].Offset
	want := viewAt(t, everything.until(at), at, california)
	if err := sameView(view, want); err != nil {
		t.Errorf("at offset %d: %v", at, err)
	}
	if len(want) == 0 {
		t.Error("nothing over California: the test shows nothing")
	}
}
