package edgeclient

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"weir/proto/fault"
	"weir/proto/vectors"
	"weir/proto/weirpb"
)

// told returns everything that a batch tells.
func told(t testing.TB, tr *tracker, b *weirpb.Batch) []Message {
	t.Helper()
	if err := tr.load(b); err != nil {
		t.Fatal(err)
	}
	var all []Message
	for {
		m, ok, err := tr.next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return all
		}
		all = append(all, m)
	}
}

// The worked examples of the protocol.
func TestViewVectors(t *testing.T) {
	data, err := vectors.Files.ReadFile("views.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name  string
		Steps []struct {
			Batch json.RawMessage
			Tells []struct {
				Kind, Key string
				Offset    uint64
			}
			Holds []string
		}
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			tr := newTracker("planes", nil, false)
			for i, step := range c.Steps {
				b := new(weirpb.Batch)
				if err := protojson.Unmarshal(step.Batch, b); err != nil {
					t.Fatal(err)
				}
				var got, want []string
				for _, m := range told(t, tr, b) {
					if m.Type == Snapshot {
						m.Type = Enter // which it is the first kind of
					}
					if m.Type != Synced && m.Type != Gap {
						got = append(got, fmt.Sprint(m.Type, " ", m.Key))
					}
				}
				for _, m := range step.Tells {
					want = append(want, fmt.Sprint(m.Kind, " ", m.Key))
				}
				slices.Sort(got)
				slices.Sort(want)
				equal(t, want, got)
				held := slices.Sorted(maps.Keys(tr.view))
				slices.Sort(step.Holds)
				if !slices.Equal(step.Holds, held) {
					t.Errorf("step %d holds %v, want %v", i, held, step.Holds)
				}
			}
		})
	}
}

// Whatever a server does to a view, what is told leads an application from one state to the next, and the view is as it
// says.
func TestViewHistories(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		tr := newTracker("planes", nil, true)
		app := make(map[string]uint64)    // what an application makes of it
		server := make(map[string]uint64) // what matches
		offset := uint64(0)
		for range 60 {
			offset++
			b := &weirpb.Batch{Cursor: &weirpb.Cursor{Epoch: 1, Offset: offset}}
			key := string(rune('a' + rng.IntN(6)))
			_, held := server[key]
			switch {
			case rng.IntN(5) == 0: // things change unseen, then a snapshot
				for range rng.IntN(4) {
					server[string(rune('a'+rng.IntN(6)))] = offset
					delete(server, string(rune('a'+rng.IntN(6))))
				}
				b.SnapshotBegin, b.SnapshotEnd = true, rng.IntN(4) > 0
				for _, k := range slices.Sorted(maps.Keys(server)) {
					b.Items = append(b.Items, item(itemSnapshot, k, server[k]))
				}
				if !b.GetSnapshotEnd() {
					told(t, tr, b) // never ended
					continue
				}
			case !tr.began || tr.keys != nil:
				continue
			case held && rng.IntN(2) == 0:
				delete(server, key)
				b.Items = append(b.Items, item(itemLeave, key, offset))
			default:
				server[key] = offset
				b.Items = append(b.Items, item([]weirpb.ItemKind{itemEnter, itemUpdate}[rng.IntN(2)], key, offset))
			}
			for _, m := range told(t, tr, b) {
				_, had := app[m.Key]
				switch m.Type {
				case Snapshot, Enter, Update:
					if had != (m.Type == Update) {
						t.Fatalf("seed %d: %s of %s, held %v", seed, m.Type, m.Key, had)
					}
					app[m.Key] = m.Cursor.Offset
				case Leave:
					if !had {
						t.Fatalf("seed %d: leave of %s, which was not there", seed, m.Key)
					}
					delete(app, m.Key)
				}
			}
			if !maps.Equal(app, server) || len(tr.view) != len(server) {
				t.Fatalf("seed %d: the application has %v, the server %v, the view %v", seed, app, server, tr.view)
			}
		}
	}
}

// Only the last batch of a snapshot says the epoch; all its keys have it, so that a second snapshot tells no difference.
func TestSnapshotOfSeveralBatches(t *testing.T) {
	item := func(key string, offset uint64) []*weirpb.Item {
		return []*weirpb.Item{{Kind: weirpb.ItemKind_ITEM_KIND_SNAPSHOT, Event: &weirpb.Event{Key: key, Offset: offset}}}
	}
	tr := newTracker("planes", nil, false)
	for round, want := range [][]Type{{Snapshot, Snapshot, Synced}, {Synced}} {
		got := told(t, tr, &weirpb.Batch{SnapshotBegin: true, Items: item("a", 3)})
		got = append(got, told(t, tr, &weirpb.Batch{
			SnapshotEnd: true, Items: item("b", 5), Cursor: &weirpb.Cursor{Epoch: 7, Offset: 9},
		})...)
		var types []Type
		for _, m := range got {
			types = append(types, m.Type)
			if m.Cursor.Epoch != 7 {
				t.Errorf("round %d: %v of %q has epoch %d", round, m.Type, m.Key, m.Cursor.Epoch)
			}
		}
		if !slices.Equal(types, want) {
			t.Errorf("round %d tells %v, want %v", round, types, want)
		}
	}
}

func TestTrackerRefuses(t *testing.T) {
	for name, b := range map[string]*weirpb.Batch{
		"an item without event":          {Items: []*weirpb.Item{{Kind: itemEnter}}},
		"an unknown kind":                {Items: []*weirpb.Item{{Kind: 99, Event: &weirpb.Event{}}}},
		"a snapshot that was not begun":  view(1, 1, item(itemSnapshot, "a", 1)),
		"no kind":                        {Items: []*weirpb.Item{{Event: &weirpb.Event{}}}},
		"the end of one with live items": {SnapshotBegin: true, Items: []*weirpb.Item{{Kind: 99, Event: &weirpb.Event{}}}},
	} {
		if err := newTracker("a", nil, false).load(b); fault.CodeOf(err) != fault.ProtocolViolation {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTrackerAllocations(t *testing.T) {
	tr := newTracker("chat", nil, false)
	offset := uint64(0)
	b := batch(1, 0, 1)
	allocs := testing.AllocsPerRun(100, func() {
		offset++
		b.Items[0].Event.Offset, b.Cursor.Offset = offset, offset
		if err := tr.load(b); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := tr.next(); !ok || err != nil {
			t.Fatal("no message")
		}
		if _, ok, _ := tr.next(); ok {
			t.Fatal("two messages")
		}
	})
	if allocs > 1 { // the list of messages
		t.Errorf("%.0f allocations for a batch of one event, want 1", allocs)
	}
}

func FuzzTracker(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, script []byte) {
		tr := newTracker("planes", nil, true)
		for i := 0; i+3 < len(script); i += 4 {
			b := &weirpb.Batch{
				Cursor:        &weirpb.Cursor{Epoch: uint64(script[i] % 2), Offset: uint64(script[i+1])},
				SnapshotBegin: script[i]&4 != 0, SnapshotEnd: script[i]&8 != 0, Skipped: uint64(script[i] & 16),
			}
			for k := range script[i+2] % 4 {
				b.Items = append(b.Items, item(weirpb.ItemKind(script[i+3]%7), string(rune('a'+k)), uint64(script[i+1])))
			}
			if err := tr.load(b); err != nil {
				return
			}
			for {
				_, ok, err := tr.next()
				if err != nil {
					return
				}
				if !ok {
					break
				}
			}
		}
	})
}
