package cases

import (
	"encoding/json"
	"fmt"

	"weir/proto/weirpb"
)

// A View is a state channel's batches in the order in which a client gets them, and what each makes it tell its
// application. A reconnect is not marked: the client goes on with the view it holds.
type View struct {
	Name  string `json:"name"`
	Steps []Step `json:"steps"`
}

// A Step is one batch.
type Step struct {
	Batch json.RawMessage `json:"batch"`
	// Tells lists what the application is told, sorted by key.
	Tells []Told `json:"tells"`
	// Holds lists the keys of the view after this batch, sorted.
	Holds []string `json:"holds"`
}

// A Told is one callback.
type Told struct {
	Kind   string `json:"kind"` // "enter", "update" or "leave"
	Key    string `json:"key"`
	Offset uint64 `json:"offset"`
}

const viewEpoch = 1795000000000

type viewStep struct {
	batch *weirpb.Batch
	tells []Told
	holds []string
}

// Views returns worked examples of section 5 of SPEC.md.
func Views() ([]View, error) {
	var list []View
	for _, v := range []struct {
		name  string
		steps []viewStep
	}{
		{"live", liveView()},
		{"a snapshot after a reconnect tells just the difference", resyncedView()},
		{"a snapshot that was never ended is thrown away", interruptedView()},
		{"a snapshot may show a key differently, and another epoch is another event", reshownView()},
		{"live items that the client did not expect", lenientView()},
	} {
		view := View{Name: v.name}
		for i, s := range v.steps {
			batch, err := messageJSON(s.batch)
			if err != nil {
				return nil, fmt.Errorf("%s, step %d: %w", v.name, i, err)
			}
			view.Steps = append(view.Steps, Step{batch, append([]Told{}, s.tells...), append([]string{}, s.holds...)})
		}
		list = append(list, view)
	}
	return list, nil
}

func item(kind weirpb.ItemKind, key string, offset uint64, payload string) *weirpb.Item {
	return &weirpb.Item{Kind: kind, Event: &weirpb.Event{
		Key: key, Offset: offset, TimeMs: viewEpoch + int64(offset), Payload: []byte(payload),
	}}
}

func snapshot(offset uint64, items ...*weirpb.Item) *weirpb.Batch {
	return &weirpb.Batch{
		Subscription: 1, Items: items, Cursor: &weirpb.Cursor{Epoch: viewEpoch, Offset: offset},
		SnapshotBegin: true, SnapshotEnd: true,
	}
}

func changes(offset uint64, items ...*weirpb.Item) *weirpb.Batch {
	return &weirpb.Batch{Subscription: 1, Items: items, Cursor: &weirpb.Cursor{Epoch: viewEpoch, Offset: offset}}
}

const (
	shown  = weirpb.ItemKind_ITEM_KIND_SNAPSHOT
	enter  = weirpb.ItemKind_ITEM_KIND_ENTER
	update = weirpb.ItemKind_ITEM_KIND_UPDATE
	leave  = weirpb.ItemKind_ITEM_KIND_LEAVE
)

func liveView() []viewStep {
	return []viewStep{
		{snapshot(2, item(shown, "a", 1, "1"), item(shown, "b", 2, "1")), []Told{{"enter", "a", 1}, {"enter", "b", 2}}, []string{"a", "b"}},
		{changes(4, item(enter, "c", 3, "1"), item(update, "a", 4, "2")), []Told{{"update", "a", 4}, {"enter", "c", 3}}, []string{"a", "b", "c"}},
		{changes(5, item(leave, "b", 5, "")), []Told{{"leave", "b", 5}}, []string{"a", "c"}},
		{changes(9), nil, []string{"a", "c"}},
	}
}

func resyncedView() []viewStep {
	return []viewStep{
		{
			snapshot(3, item(shown, "a", 1, "1"), item(shown, "b", 2, "1"), item(shown, "c", 3, "1")),
			[]Told{{"enter", "a", 1}, {"enter", "b", 2}, {"enter", "c", 3}},
			[]string{"a", "b", "c"},
		},
		{
			snapshot(7, item(shown, "a", 1, "1"), item(shown, "b", 6, "2"), item(shown, "d", 7, "1")),
			[]Told{{"update", "b", 6}, {"leave", "c", 3}, {"enter", "d", 7}},
			[]string{"a", "b", "d"},
		},
		{snapshot(8), []Told{{"leave", "a", 1}, {"leave", "b", 6}, {"leave", "d", 7}}, nil},
	}
}

func interruptedView() []viewStep {
	begun := snapshot(4, item(shown, "b", 4, "1"))
	begun.SnapshotEnd = false
	ended := snapshot(6, item(shown, "c", 6, "1"))
	ended.SnapshotBegin = false
	begunAgain := snapshot(6, item(shown, "a", 1, "1"))
	begunAgain.SnapshotEnd = false
	return []viewStep{
		{snapshot(1, item(shown, "a", 1, "1")), []Told{{"enter", "a", 1}}, []string{"a"}},
		{begun, nil, []string{"a"}},
		{begunAgain, nil, []string{"a"}},
		{ended, []Told{{"enter", "c", 6}}, []string{"a", "c"}},
	}
}

func reshownView() []viewStep {
	otherEpoch := snapshot(1, item(shown, "a", 1, "coarse"))
	otherEpoch.Cursor.Epoch++
	return []viewStep{
		{snapshot(1, item(shown, "a", 1, "fine")), []Told{{"enter", "a", 1}}, []string{"a"}},
		{snapshot(1, item(shown, "a", 1, "coarse")), []Told{{"update", "a", 1}}, []string{"a"}},
		{otherEpoch, []Told{{"update", "a", 1}}, []string{"a"}},
	}
}

func lenientView() []viewStep {
	deleted := item(leave, "a", 5, "")
	deleted.Event.Tombstone = true
	return []viewStep{
		{snapshot(1, item(shown, "a", 1, "1")), []Told{{"enter", "a", 1}}, []string{"a"}},
		{changes(2, item(enter, "a", 2, "2")), []Told{{"update", "a", 2}}, []string{"a"}},
		{changes(3, item(update, "b", 3, "1")), []Told{{"enter", "b", 3}}, []string{"a", "b"}},
		{changes(4, item(leave, "c", 4, "")), nil, []string{"a", "b"}},
		{changes(5, deleted), []Told{{"leave", "a", 5}}, []string{"b"}},
	}
}
