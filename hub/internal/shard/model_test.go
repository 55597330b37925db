package shard

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"weir/hub/internal/sequence"
	"weir/hub/internal/window"
	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// A model is a shard as plainly as it can be said: everything in maps, nothing cached, nothing trimmed but by the window.
type model struct {
	nowMs    int64
	channels map[ChannelID]*modelChannel
	dropped  map[uint64]bool
}

type modelChannel struct {
	settings  *logpb.Settings
	window    *logpb.Window
	events    map[uint64]*weirpb.Event
	next      uint64
	lastMs    int64
	latest    map[string]*weirpb.Event
	producers map[string]*modelProducer
}

type modelProducer struct {
	issuedMs, usedMs int64
	offsets          []uint64 // of sequences 1, 2, 3, ...
}

func (m *model) channel(id ChannelID, s *logpb.Settings) *modelChannel {
	if m.channels[id] == nil {
		m.channels[id] = &modelChannel{
			settings: s, window: &logpb.Window{FirstOffset: 1}, events: map[uint64]*weirpb.Event{}, next: 1,
			latest: map[string]*weirpb.Event{}, producers: map[string]*modelProducer{},
		}
	}
	return m.channels[id]
}

// publish says what should become of a publication.
func (m *model) publish(id ChannelID, s *logpb.Settings, p *weirpb.Publication, issuedMs int64) (offset uint64, duplicate bool, refused fault.Code) {
	if m.dropped[id.Tenant] {
		return 0, false, fault.TenantUnknown
	}
	c := m.channel(id, s)
	if p.GetProducer() != "" {
		from := c.producers[p.GetProducer()]
		switch n := p.GetSequence(); {
		case from == nil && (m.nowMs-issuedMs >= int64(s.GetDedupeAgeMs()) || issuedMs-m.nowMs > sequence.SkewMs):
			return 0, false, fault.ProducerExpired
		case from == nil && n > 1, from != nil && n > uint64(len(from.offsets))+1:
			return 0, false, fault.SequenceGap
		case from != nil && n <= uint64(len(from.offsets)) && uint64(len(from.offsets))-n >= sequence.Remembered:
			return 0, false, fault.SequenceExpired
		case from != nil && n <= uint64(len(from.offsets)):
			return from.offsets[n-1], true, ""
		}
	}
	if s.GetKind() == weirpb.ChannelKind_CHANNEL_KIND_STATE && !p.GetTombstone() && c.latest[p.GetKey()] == nil &&
		len(c.latest) >= int(s.GetKeys()) {
		return 0, false, fault.StateFull
	}
	return m.accept(c, p, issuedMs), false, ""
}

func (m *model) accept(c *modelChannel, p *weirpb.Publication, issuedMs int64) uint64 {
	c.lastMs = max(c.lastMs, m.nowMs)
	e := &weirpb.Event{
		Offset: c.next, TimeMs: c.lastMs, Key: p.GetKey(), Payload: p.GetPayload(), Tombstone: p.GetTombstone(),
	}
	c.events[e.Offset] = e
	c.next++
	if c.settings.GetKind() == weirpb.ChannelKind_CHANNEL_KIND_STATE {
		if delete(c.latest, e.Key); !e.Tombstone {
			c.latest[e.Key] = e
		}
	}
	if p.GetProducer() != "" {
		if c.producers[p.GetProducer()] == nil {
			c.producers[p.GetProducer()] = &modelProducer{issuedMs: issuedMs}
		}
		from := c.producers[p.GetProducer()]
		from.usedMs = c.lastMs
		from.offsets = append(from.offsets, e.Offset)
	}
	window.Append(c.window, window.LimitsOf(c.settings), e.Offset, uint64(proto.Size(e)), e.TimeMs)
	window.Trim(c.window, window.LimitsOf(c.settings), e.TimeMs)
	return e.Offset
}

// sweep forgets what has come of age.
func (m *model) sweep() {
	for _, c := range m.channels {
		window.Trim(c.window, window.LimitsOf(c.settings), m.nowMs)
		for called, p := range c.producers {
			if sequence.Due(p.usedMs, int64(c.settings.GetDedupeAgeMs())) <= m.nowMs {
				delete(c.producers, called)
			}
		}
	}
}

// check compares all that can be read with the model.
func (m *model) check(r *rig) {
	for id, c := range m.channels {
		row, err := r.shard.Channel(id)
		if err != nil {
			r.Fatal(err)
		}
		if row.GetNextOffset() != c.next || row.GetKeys() != uint64(len(c.latest)) ||
			row.GetWindow().GetFirstOffset() != c.window.GetFirstOffset() || row.GetWindow().GetBytes() != c.window.GetBytes() {
			r.Fatalf("channel %v is %v, want next %d, keys %d, window %v", id, row, c.next, len(c.latest), c.window)
		}
		_, events, err := r.shard.Events(id, 0, Page{Count: 1000, Bytes: 1 << 20})
		if err != nil {
			r.Fatal(err)
		}
		if uint64(len(events)) != c.next-c.window.GetFirstOffset() {
			r.Fatalf("channel %v has %d events, want %d to %d", id, len(events), c.window.GetFirstOffset(), c.next-1)
		}
		for _, e := range events {
			if !proto.Equal(e, c.events[e.GetOffset()]) {
				r.Fatalf("channel %v has %v, want %v", id, e, c.events[e.GetOffset()])
			}
		}
		c.checkLatest(r, id)
	}
}

func (c *modelChannel) checkLatest(r *rig, id ChannelID) {
	_, latest, more, err := r.shard.Latest(id, "", Page{Count: 1000, Bytes: 1 << 20})
	if err != nil || more || len(latest) != len(c.latest) {
		r.Fatalf("channel %v has %d keys (more: %v, %v), want %d", id, len(latest), more, err, len(c.latest))
	}
	for i, key := range slices.Sorted(maps.Keys(c.latest)) {
		if !proto.Equal(latest[i], c.latest[key]) {
			r.Fatalf("channel %v has %v, want %v", id, latest[i], c.latest[key])
		}
	}
}

func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRig(t)
		defer r.close()
		m := &model{nowMs: 10_000_000, channels: map[ChannelID]*modelChannel{}, dropped: map[uint64]bool{}}
		settingsOf := func(id ChannelID) *logpb.Settings {
			if m.dropped[id.Tenant] {
				return nil
			}
			if id.Name == "map" {
				return stateSettings(id.Tenant)
			}
			return logSettings(id.Tenant)
		}
		t.Repeat(map[string]func(*rapid.T){
			"publish": func(t *rapid.T) {
				r.tester = t
				publishDrawn(t, r, m, settingsOf)
			},
			"later": func(t *rapid.T) { m.nowMs += rapid.Int64Range(0, 50_000).Draw(t, "passed") },
			"sweep": func(t *rapid.T) {
				r.tester = t
				for r.sweep(m.nowMs, settingsOf) > 0 {
				}
				m.sweep()
			},
			"forget what is cached": func(t *rapid.T) {
				if err := r.shard.Reload(); err != nil {
					t.Fatal(err)
				}
			},
			"drop tenant": func(t *rapid.T) {
				r.tester = t
				id := rapid.Uint64Range(2, 3).Draw(t, "tenant") // one tenant always stays
				r.shard.DropTenant(&logpb.DropTenant{TenantId: id})
				r.apply()
				m.dropped[id] = true
				maps.DeleteFunc(m.channels, func(c ChannelID, _ *modelChannel) bool { return c.Tenant == id })
			},
			"": func(t *rapid.T) {
				r.tester = t
				m.check(r)
				if _, err := checkRows(r); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}

// publishDrawn publishes a few in one command and compares the outcomes.
func publishDrawn(t *rapid.T, r *rig, m *model, settingsOf func(ChannelID) *logpb.Settings) {
	id := ChannelID{
		Tenant: rapid.Uint64Range(1, 3).Draw(t, "tenant"),
		Name:   rapid.SampledFrom([]string{"log", "map"}).Draw(t, "channel"),
	}
	settings := settingsOf(id)
	if settings == nil { // an entry that was proposed before the tenant was deleted
		settings = logSettings(id.Tenant)
	}
	var all []*weirpb.Publication
	var issued []int64
	for i := range rapid.IntRange(1, 12).Draw(t, "publications") {
		p := &weirpb.Publication{Channel: id.Name, Payload: fmt.Appendf(nil, "%d", i)}
		if id.Name == "map" {
			p.Key = rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g"}).Draw(t, "key")
			p.Tombstone = rapid.Bool().Draw(t, "tombstone")
		}
		at := int64(0)
		if n := rapid.IntRange(0, 3).Draw(t, "producer"); n > 0 {
			at = 10_000_000 + int64(n-1)*100_000
			p.Producer = producerOf(n, at)
			p.Sequence = rapid.Uint64Range(1, 25).Draw(t, "sequence")
			if c := m.channels[id]; c != nil && c.producers[p.Producer] != nil && rapid.Bool().Draw(t, "next") {
				p.Sequence = uint64(len(c.producers[p.Producer].offsets)) + 1
			}
		}
		all, issued = append(all, p), append(issued, at)
	}
	for i, o := range r.publish(m.nowMs, settings, all...) {
		offset, duplicate, refused := m.publish(id, settings, all[i], issued[i])
		var got fault.Code
		if o.Fault != nil {
			got = o.Fault.Code
		}
		if got != refused || refused == "" && (o.Offset != offset || o.Duplicate != duplicate) {
			t.Fatalf("%v: offset %d, duplicate %v, fault %v; want %d, %v, %q", all[i], o.Offset, o.Duplicate, o.Fault, offset, duplicate, refused)
		}
	}
}
