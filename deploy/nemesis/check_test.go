package nemesis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"weir/edge/edgeclient"
)

// A said is the payload of a publication.
type said struct {
	Publisher int `json:"publisher"`
	Number    int `json:"number"`
}

// check returns what in a history breaks a promise. log is what the channel has at the end, from its first offset on.
func check(h *history, log sighting, subscribers []sighting) (broken []string) {
	complain := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	checkOrder(log, complain)
	for _, s := range subscribers {
		checkOrder(s, complain)
		checkAgrees(log, s, complain)
	}
	where := locate(log, complain)
	for _, p := range h.publications {
		if p.channel != log.channel || p.end == 0 {
			continue
		}
		switch at, there := where[said{p.publisher, p.number}]; {
		case !there:
			complain("%+v was acknowledged and is lost", p)
		case at != p.offset:
			complain("%+v stands at %d", p, at)
		}
	}
	checkLinearizable(h, log, where, complain)
	return broken
}

type complaint func(format string, args ...any)

// checkOrder looks for gaps in what somebody saw.
func checkOrder(s sighting, complain complaint) {
	for i, m := range s.messages {
		if want := uint64(i + 1); m.Cursor.Offset != want {
			complain("%s of %s: offset %d where %d must be", s.who, s.channel, m.Cursor.Offset, want)
			return
		}
		if m.Cursor.Epoch != s.messages[0].Cursor.Epoch {
			complain("%s of %s: offset %d has another epoch", s.who, s.channel, m.Cursor.Offset)
		}
	}
}

// checkAgrees compares what a subscriber saw with the channel.
func checkAgrees(log, s sighting, complain complaint) {
	if len(s.messages) < len(log.messages) {
		complain("%s saw %d of %d events of %s", s.who, len(s.messages), len(log.messages), s.channel)
	}
	for i := range min(len(s.messages), len(log.messages)) {
		if !bytes.Equal(s.messages[i].Payload, log.messages[i].Payload) {
			complain("%s saw %s at %d of %s, which is %s", s.who, s.messages[i].Payload, i+1, s.channel, log.messages[i].Payload)
			return
		}
	}
}

// locate finds the offset of each publication, and complains about those that stand twice or in another order than their
// publisher sent them.
func locate(log sighting, complain complaint) map[said]uint64 {
	where := map[said]uint64{}
	last := map[int]int{}
	for _, m := range log.messages {
		var what said
		if err := json.Unmarshal(m.Payload, &what); err != nil {
			complain("%s at %d: %q: %v", log.channel, m.Cursor.Offset, m.Payload, err)
			continue
		}
		if before, twice := where[what]; twice {
			complain("%+v stands twice in %s, at %d and %d", what, log.channel, before, m.Cursor.Offset)
			continue
		}
		where[what] = m.Cursor.Offset
		if what.Number <= last[what.Publisher] {
			complain("in %s publisher %d's number %d comes after %d", log.channel, what.Publisher, what.Number, last[what.Publisher])
		}
		last[what.Publisher] = what.Number
	}
	return where
}

// porcupineTimeout bounds the search for an order; histories of a minute take milliseconds.
const porcupineTimeout = 30 * time.Second

// checkLinearizable looks for an order of publications and readings that explains what each was told: a channel is a counter
// that a publication moves to the offset that it is given, and a key is a register.
func checkLinearizable(h *history, log sighting, where map[said]uint64, complain complaint) {
	keys := map[string]bool{"": true}
	for _, p := range h.publications {
		keys[p.key] = true
	}
	for key := range keys {
		operations := operationsOf(h, log.channel, key, where)
		if result := porcupine.CheckOperationsTimeout(registerModel(key == ""), operations, porcupineTimeout); result != porcupine.Ok {
			complain("%s, key %q: %d operations are not linearizable: %v", log.channel, key, len(operations), result)
		}
	}
}

// operationsOf returns what was done to a channel, or to a key of it. Publications without an ack that did not happen are
// left out; those that did may have happened until the very end.
func operationsOf(h *history, channel, key string, where map[said]uint64) []porcupine.Operation {
	var all []porcupine.Operation
	for _, p := range h.publications {
		at, happened := where[said{p.publisher, p.number}]
		if p.channel != channel || key != "" && p.key != key || !happened {
			continue
		}
		end := p.end
		if end == 0 {
			end = math.MaxInt64
		}
		all = append(all, porcupine.Operation{ClientId: p.publisher, Input: true, Output: at, Call: p.call, Return: end})
	}
	for _, r := range h.readings {
		if r.channel == channel && r.key == key {
			all = append(all, porcupine.Operation{ClientId: 1000 + r.reader, Input: false, Output: r.last, Call: r.call, Return: r.end})
		}
	}
	return all
}

// registerModel is one of a value that writes set and reads return. Where it counts, a write must add one.
func registerModel(counts bool) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return uint64(0) },
		Step: func(state, input, output any) (bool, any) {
			before, value := state.(uint64), output.(uint64)
			if writes := input.(bool); !writes {
				return value == before, before
			}
			return value > before && (!counts || value == before+1), value
		},
	}
}

// channelOf makes what a channel has of publishers' numbers: "1.1 2.1 1.2".
func channelOf(names ...[2]int) sighting {
	s := sighting{who: "the log", channel: "c"}
	for i, n := range names {
		payload, _ := json.Marshal(said{n[0], n[1]})
		s.messages = append(s.messages, edgeclient.Message{Cursor: edgeclient.Cursor{Epoch: 7, Offset: uint64(i + 1)}, Payload: payload})
	}
	return s
}

func TestCheck(t *testing.T) {
	good := func() *history {
		h := newHistory()
		h.publications = []publication{
			{channel: "c", publisher: 1, number: 1, call: 10, end: 20, offset: 1},
			{channel: "c", publisher: 2, number: 1, call: 15, end: 40, offset: 2},
			{channel: "c", publisher: 1, number: 2, call: 30}, // happened, but nobody knew
			{channel: "c", publisher: 2, number: 2, call: 50}, // did not happen
		}
		h.readings = []reading{{channel: "c", call: 25, end: 26, last: 1}, {channel: "c", call: 41, end: 60, last: 3}}
		return h
	}
	log := channelOf([2]int{1, 1}, [2]int{2, 1}, [2]int{1, 2})
	for _, test := range []struct {
		name  string
		spoil func(*history, *sighting, *sighting)
		fine  bool
	}{
		{"nothing wrong", func(*history, *sighting, *sighting) {}, true},
		{"an acknowledged event is lost", func(_ *history, l, s *sighting) {
			*l = channelOf([2]int{1, 1}, [2]int{1, 2})
			*s = *l
		}, false},
		{"an ack names another offset", func(h *history, _, _ *sighting) { h.publications[0].offset = 2 }, false},
		{"an event stands twice", func(_ *history, l, s *sighting) {
			*l = channelOf([2]int{1, 1}, [2]int{2, 1}, [2]int{1, 1})
			*s = *l
		}, false},
		{"a publisher's order is turned", func(_ *history, l, s *sighting) {
			*l = channelOf([2]int{1, 2}, [2]int{2, 1}, [2]int{1, 1})
			*s = *l
		}, false},
		{"a subscriber saw another order", func(_ *history, _, s *sighting) {
			*s = channelOf([2]int{2, 1}, [2]int{1, 1}, [2]int{1, 2})
		}, false},
		{"a subscriber missed one", func(_ *history, _, s *sighting) { s.messages = s.messages[:2] }, false},
		{"an offset is missing", func(_ *history, l, _ *sighting) { l.messages[2].Cursor.Offset = 4 }, false},
		{"the epoch changed", func(_ *history, l, _ *sighting) { l.messages[2].Cursor.Epoch = 8 }, false},
		{"a read is stale", func(h *history, _, _ *sighting) { h.readings[0].last = 0 }, false},
		{"a read is from the future", func(h *history, _, _ *sighting) { h.readings[0].last = 3 }, false},
		{"reads go back", func(h *history, _, _ *sighting) { h.readings[1].last = 1 }, false},
	} {
		h, l, s := good(), log, log
		l.messages = append([]edgeclient.Message(nil), log.messages...)
		s.messages = append([]edgeclient.Message(nil), log.messages...)
		test.spoil(h, &l, &s)
		if broken := check(h, l, []sighting{s}); (len(broken) == 0) != test.fine {
			t.Errorf("%s: complaints %q", test.name, broken)
		}
	}
}

func TestCheckOfKeys(t *testing.T) {
	h := newHistory()
	h.publications = []publication{
		{channel: "c", key: "a", publisher: 1, number: 1, call: 10, end: 20, offset: 1},
		{channel: "c", key: "b", publisher: 2, number: 1, call: 10, end: 20, offset: 2},
		{channel: "c", key: "a", publisher: 1, number: 2, call: 30, end: 40, offset: 3},
	}
	log := channelOf([2]int{1, 1}, [2]int{2, 1}, [2]int{1, 2})
	h.readings = []reading{{channel: "c", key: "a", call: 21, end: 35, last: 1}, {channel: "c", key: "b", call: 50, end: 60, last: 2}}
	if broken := check(h, log, nil); len(broken) > 0 {
		t.Errorf("complaints %q", broken)
	}
	h.readings[0] = reading{channel: "c", key: "a", call: 41, end: 45, last: 1}
	if broken := check(h, log, nil); len(broken) == 0 {
		t.Error("a stale read of a key is not found")
	}
}
