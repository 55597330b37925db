package simulation

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"weir/hub/internal/machine"
	"weir/hub/internal/placement"
	"weir/hub/internal/shard"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// The truth is what has been committed, as the first replica to apply each entry has it. All others must agree.
type truth struct {
	w       *world
	entries map[entryID][]outcome
	// channels are by name and epoch.
	channels map[place]*history
}

type entryID struct {
	shard placement.Shard
	index uint64
}

// An outcome is what a replica has made of a submission.
type outcome struct {
	channel       shard.ChannelID
	epoch, offset uint64
	timeMs        int64
	duplicate     bool
	refused       fault.Code
	payload       string
}

type place struct {
	channel string
	epoch   uint64
}

// A history is all events of a channel in one epoch.
type history struct {
	id     shard.ChannelID
	events []*weirpb.Event
	once   map[string]bool
	// trimmed is the last offset that was gone from a replica's window; a crash may bring it back for a while.
	trimmed uint64
	// raw has the last number of each publisher without a producer.
	raw map[string]int
}

func newTruth(w *world) *truth {
	return &truth{w: w, entries: map[entryID][]outcome{}, channels: map[place]*history{}}
}

// applied compares what a member has made of an entry with what others have.
func (t *truth) applied(m *member, a machine.Applied) {
	var made []outcome
	for _, o := range a.Outcomes {
		out := outcome{channel: o.Channel, epoch: o.Epoch, offset: o.Offset, timeMs: o.TimeMs, duplicate: o.Duplicate, payload: string(o.Event.GetPayload())}
		if o.Fault != nil {
			out.refused = o.Fault.Code
		}
		made = append(made, out)
	}
	id := entryID{m.shard, a.Index}
	before, known := t.entries[id]
	if known {
		if !slices.Equal(before, made) {
			t.w.broken("P2", "%s makes %+v of entry %v, another has made %+v", m.node.name, made, id, before)
		}
		return
	}
	t.entries[id] = made
	for _, o := range a.Outcomes {
		if o.Event != nil {
			t.add(o)
		}
	}
}

func (t *truth) add(o shard.Outcome) {
	at := place{o.Channel.Name, o.Epoch}
	h := t.channels[at]
	if h == nil {
		h = &history{id: o.Channel, once: map[string]bool{}, raw: map[string]int{}}
		t.channels[at] = h
	}
	payload := string(o.Event.GetPayload())
	switch {
	case h.id != o.Channel:
		t.w.broken("P9", "two tenants share the epoch %d of %q", o.Epoch, at.channel)
	case o.Event.GetOffset() != uint64(len(h.events))+1:
		t.w.broken("P2", "%q goes on with %d after %d events", at.channel, o.Event.GetOffset(), len(h.events))
	case h.once[payload]:
		t.w.broken("P3", "%q has %s a second time, at %d", at.channel, payload, o.Event.GetOffset())
	}
	h.once[payload] = true
	h.events = append(h.events, o.Event)
	if who, number := parsePayload(payload); who[0] == 'r' {
		if number <= h.raw[who] {
			t.w.broken("P2", "%q has %s after number %d", at.channel, payload, h.raw[who])
		}
		h.raw[who] = number
	}
}

// noteTrimmed notes what the window of a replica that is read has lost.
func (t *truth) noteTrimmed(c *weirpb.Channel) {
	if h := t.channels[place{c.GetName(), c.GetEpoch()}]; h != nil {
		h.trimmed = max(h.trimmed, c.GetFirstOffset()-1)
	}
}

// acknowledged holds a receipt against what is committed.
func (t *truth) acknowledged(channel, payload string, r *weirpb.Receipt) {
	h := t.channels[place{channel, r.GetEpoch()}]
	if n := r.GetOffset(); h == nil || n == 0 || n > uint64(len(h.events)) || string(h.events[n-1].GetPayload()) != payload {
		t.w.broken("P1", "%s is acknowledged at %d of %q in epoch %d, which is not so", payload, n, channel, r.GetEpoch())
	}
}

// at returns an event, nil if there is none.
func (t *truth) at(channel string, epoch, offset uint64) *weirpb.Event {
	if h := t.channels[place{channel, epoch}]; h != nil && offset > 0 && offset <= uint64(len(h.events)) {
		return h.events[offset-1]
	}
	return nil
}

// end returns the epoch in which a channel is now and its last offset; epoch 0 if nobody has published to it.
func (t *truth) end(channel string) (epoch, last uint64) {
	for at, h := range t.channels {
		if at.channel == channel && h.id.Tenant == t.w.tenants.now.id {
			return at.epoch, uint64(len(h.events))
		}
	}
	return 0, 0
}

// checkReplicas compares all that the replicas have at the end with what was committed.
func (t *truth) checkReplicas() {
	for _, n := range t.w.nodes {
		for _, at := range slices.SortedFunc(maps.Keys(t.channels), comparePlaces) {
			h := t.channels[at]
			if h.id.Tenant == t.w.tenants.now.id {
				t.checkReplica(n.members[shards.ShardOf(tenant, at.channel)-1], at, h)
			}
		}
	}
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.channel, b.channel), cmp.Compare(a.epoch, b.epoch))
}

func (t *truth) checkReplica(m *member, at place, h *history) {
	row, err := m.reader.Channel(h.id)
	if err != nil {
		t.w.broken("P1", "%s can't read %q: %v", m.node.name, at.channel, err)
		return
	}
	_, kept, err := m.reader.Events(h.id, 0, shard.Page{Count: 1 << 20, Bytes: 1 << 30})
	first := row.GetWindow().GetFirstOffset()
	switch {
	case err != nil:
		t.w.broken("P1", "%s can't read %q: %v", m.node.name, at.channel, err)
	case row.GetEpoch() != at.epoch || row.GetNextOffset() != uint64(len(h.events))+1 || first+uint64(len(kept)) != row.GetNextOffset():
		t.w.broken("P1", "%s has %q in epoch %d from %d to %d with %d events; committed are %d in epoch %d",
			m.node.name, at.channel, row.GetEpoch(), first, row.GetNextOffset(), len(kept), len(h.events), at.epoch)
	default:
		for _, e := range kept {
			if want := h.events[e.GetOffset()-1]; string(e.GetPayload()) != string(want.GetPayload()) || e.GetTimeMs() != want.GetTimeMs() {
				t.w.broken("P2", "%s has %v in %q, committed is %v", m.node.name, e, at.channel, want)
			}
		}
	}
}

func payloadOf(who string, number int) []byte { return fmt.Appendf(nil, "%s %d", who, number) }

func parsePayload(payload string) (who string, number int) {
	if _, err := fmt.Sscanf(payload, "%s %d", &who, &number); err != nil {
		panic(err)
	}
	return who, number
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
