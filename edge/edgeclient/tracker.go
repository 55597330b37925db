package edgeclient

import (
	"maps"
	"slices"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// maxViewKeys bounds a view, ten times a state channel's default bound: a relay must not fill the client's memory.
const maxViewKeys = 1_000_000

// tracker turns batches into messages, and keeps the view up to the last message that it has given (SPEC.md, sections 5
// and 6). It is not safe for concurrent use.
type tracker struct {
	channel string
	skips   bool // whether Skip messages are wanted

	cursor Cursor // accounts for all messages given; its epoch is 0 before the first batch
	synced bool   // the view is complete
	began  bool   // it has been before
	view   map[string]Message

	told  []Message // of the present batch, not given yet; those of a view are settled when they are given
	after Cursor    // where the subscription stands when they are all given
	ready bool      // whether after is to be taken over

	snapshot []Message      // that is coming in, in order; its keys are unique
	keys     map[string]int // index in snapshot by key; nil: none is coming in
}

func newTracker(channel string, cursor *Cursor, skips bool) *tracker {
	t := &tracker{channel: channel, skips: skips, view: make(map[string]Message)}
	if cursor != nil {
		t.cursor = *cursor
	}
	return t
}

// load takes in a batch, once next has given all there was of the one before. After an error it must not be used again.
func (t *tracker) load(b *weirpb.Batch) error {
	t.after, t.ready = t.cursor, true
	if c := b.GetCursor(); c != nil {
		t.after = Cursor{c.GetEpoch(), c.GetOffset()}
	}
	if g := b.GetGap(); g != nil {
		t.told = append(t.told, Message{
			Type: Gap, Channel: t.channel, Cursor: t.after, From: g.GetFrom(), To: g.GetTo(), Reason: g.GetReason(),
		})
	}
	if b.GetSnapshotBegin() {
		t.snapshot, t.keys = nil, make(map[string]int)
	}
	for _, item := range b.GetItems() {
		if err := t.item(item); err != nil {
			return err
		}
	}
	if b.GetSnapshotEnd() && t.keys != nil {
		t.compare()
	}
	if skipped := b.GetSkipped(); t.skips && skipped > 0 {
		t.told = append(t.told, Message{
			Type: Skip, Channel: t.channel, Cursor: t.after, Skipped: skipped, SkippedBytes: b.GetSkippedBytes(),
		})
	}
	return nil
}

// kinds are the items outside of a snapshot.
var kinds = map[weirpb.ItemKind]Type{
	weirpb.ItemKind_ITEM_KIND_EVENT: Event, weirpb.ItemKind_ITEM_KIND_ENTER: Enter,
	weirpb.ItemKind_ITEM_KIND_UPDATE: Update, weirpb.ItemKind_ITEM_KIND_LEAVE: Leave,
}

func (t *tracker) item(item *weirpb.Item) error {
	event := item.GetEvent()
	if event == nil {
		return fault.New(fault.ProtocolViolation, "the server sent an item without an event")
	}
	if item.GetKind() == weirpb.ItemKind_ITEM_KIND_SNAPSHOT {
		return t.collect(newMessage(Snapshot, t.channel, 0, event)) // compare knows the epoch
	}
	kind, known := kinds[item.GetKind()]
	if !known {
		return fault.New(fault.ProtocolViolation, "the server sent an item of kind %d, which this client does not know", item.GetKind()).
			WithHint("use a newer client")
	}
	m := newMessage(kind, t.channel, t.after.Epoch, event)
	if kind == Leave {
		m.Deleted, m.Payload, m.ContentType, m.Headers = event.GetTombstone(), nil, "", nil
	}
	t.told = append(t.told, m)
	return nil
}

// collect puts a key aside until the snapshot is complete.
func (t *tracker) collect(m Message) error {
	if t.keys == nil {
		return fault.New(fault.ProtocolViolation, "the server sent a key of a snapshot that it had not begun")
	}
	if i, double := t.keys[m.Key]; double {
		t.snapshot[i] = m
		return nil
	}
	if len(t.snapshot) >= maxViewKeys {
		return errViewTooLarge()
	}
	t.keys[m.Key] = len(t.snapshot)
	t.snapshot = append(t.snapshot, m)
	return nil
}

func errViewTooLarge() error {
	return fault.New(fault.ProtocolViolation, "the view has more than %d keys", maxViewKeys).
		WithHint("use a filter that lets fewer keys through")
}

// compare tells how the complete snapshot differs from the view. The view is settled: what was told before has been given.
func (t *tracker) compare() {
	for _, m := range t.snapshot {
		m.Cursor.Epoch = t.after.Epoch // which only the last batch of a snapshot says
		old, held := t.view[m.Key]
		switch {
		case !t.began:
			m.Type = Snapshot
		case !held:
			m.Type = Enter
		case old.shows(&m):
			continue
		default:
			m.Type = Update
		}
		t.told = append(t.told, m)
	}
	for _, key := range slices.Sorted(maps.Keys(t.view)) { // sorted, so that a run can be repeated
		if _, holds := t.keys[key]; !holds {
			t.told = append(t.told, Message{Type: Leave, Channel: t.channel, Cursor: t.after, Key: key})
		}
	}
	t.told = append(t.told, Message{Type: Synced, Channel: t.channel, Cursor: t.after})
	t.snapshot, t.keys = nil, nil
}

// next gives the next message, if there is one, with view and cursor brought up to it.
func (t *tracker) next() (Message, bool, error) {
	for len(t.told) > 0 {
		m := t.told[0]
		t.told[0] = Message{} // for the collector
		t.told = t.told[1:]
		given, err := t.settle(&m)
		if err != nil {
			return Message{}, false, err
		}
		if len(t.told) == 0 {
			t.arrive()
		}
		if given {
			return m, true, nil
		}
	}
	t.arrive()
	return Message{}, false, nil
}

// arrive takes over where the batch ends.
func (t *tracker) arrive() {
	if t.ready {
		t.cursor, t.ready, t.told = t.after, false, nil
	}
}

// settle brings view and cursor up to a message. It returns false for what an application must not be told.
func (t *tracker) settle(m *Message) (given bool, err error) {
	switch m.Type {
	case Event:
		return t.advance(m.Cursor), nil
	case Snapshot, Enter, Update:
		_, held := t.view[m.Key]
		if !held && len(t.view) >= maxViewKeys {
			return false, errViewTooLarge()
		}
		if m.Type != Snapshot {
			m.Type = Enter
			if held {
				m.Type = Update
			}
		}
		t.view[m.Key] = *m
	case Leave:
		if _, held := t.view[m.Key]; !held {
			return false, nil
		}
		delete(t.view, m.Key)
	case Gap:
		t.synced = false
	case Synced:
		t.synced, t.began = true, true
	}
	return true, nil
}

// advance moves on to an event of a log channel. It returns false for one that has been given before.
func (t *tracker) advance(c Cursor) bool {
	if c.Offset == 0 { // ephemeral
		return true
	}
	if c.Epoch == t.cursor.Epoch && c.Offset <= t.cursor.Offset {
		return false
	}
	t.cursor = c
	return true
}
