package shard

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"weir/hub/internal/sequence"
	"weir/hub/internal/store"
	"weir/proto/logpb"
)

// A pending is what commands have changed and the store does not have yet: mostly the difference between what is in memory
// and there, so that rows which change often are written once.
type pending struct {
	channels  []*channel
	producers []*producer
	// due has keys of the index of what is due, and whether each is there.
	due map[string]bool
	// dropped are tenants, and base is whether the base epoch has been set.
	dropped []uint64
	base    bool
	// bytes is about what all that takes in memory, and in a batch.
	bytes int
	// chunk is where rows are made; it is full up to its length. full has those before, of chunkBytes each, to be used again.
	chunk []byte
	full  [][]byte
}

const (
	// overheadBytes is about what a row takes beside itself, with its key, and eventBytes what an event does, which shares one.
	overheadBytes = 100
	eventBytes    = 32
	// touchBytes is what the row of a channel or a producer counts: more than it takes, since writing it takes as long as so many
	// bytes of events, and where such rows are many, putting them off longer does not make them fewer.
	touchBytes = 800
	// chunkBytes are allocated at once for rows: less than an allocation a row, and little for a shard that is idle.
	chunkBytes = 64 << 10
	// keptEvents is for how many events a channel keeps room.
	keptEvents = 1 << 10
	// never is later than all times.
	never = math.MaxInt64
)

// reset forgets all and keeps some room.
func (p *pending) reset() {
	clear(p.channels)
	clear(p.producers)
	*p = pending{channels: p.channels[:0], producers: p.producers[:0], chunk: p.chunk[:0]}
	if cap(p.chunk) > chunkBytes {
		p.chunk = nil
	}
}

// room returns an empty slice with room for n bytes, which keep takes.
func (s *Shard) room(n int) []byte {
	p := &s.pending
	if cap(p.chunk)-len(p.chunk) < n {
		if cap(p.chunk) == chunkBytes {
			p.full = append(p.full, p.chunk)
		}
		p.chunk = s.newChunk(n)
	}
	return p.chunk[len(p.chunk) : len(p.chunk) : len(p.chunk)+n]
}

func (s *Shard) newChunk(n int) []byte {
	if n <= chunkBytes {
		if c, ok := s.chunks.Get().(*[chunkBytes]byte); ok {
			return c[:0]
		}
	}
	return make([]byte, 0, max(n, chunkBytes))
}

// keep takes the first n bytes of what room has returned.
func (s *Shard) keep(n, overhead int) {
	s.pending.chunk = s.pending.chunk[:len(s.pending.chunk)+n]
	s.pending.bytes += n + overhead
}

func (s *Shard) touch(c *channel) {
	if !c.dirty {
		c.dirty = true
		s.pending.channels = append(s.pending.channels, c)
		s.pending.bytes += touchBytes
	}
}

func (s *Shard) touchProducer(p *producer) {
	if !p.dirty {
		p.dirty = true
		s.pending.producers = append(s.pending.producers, p)
		s.pending.bytes += touchBytes
	}
}

// setDue puts a row into the index of what is due, or takes it out.
func (s *Shard) setDue(dueMs int64, id ProducerID, there bool) {
	if s.pending.due == nil {
		s.pending.due = map[string]bool{}
	}
	s.key = appendDue(s.key[:0], s.shard, dueMs, id)
	s.pending.due[string(s.key)] = there
	s.pending.bytes += len(s.key) + overheadBytes
	if there && dueMs < s.earliest.Load() {
		s.earliest.Store(dueMs)
	}
}

// Full reports whether so much is in memory that it should be written.
func (s *Shard) Full() bool {
	return s.pending.bytes >= s.bounds.Pending || s.channels.full() || s.producers.full()
}

// Pending returns about how much Finish will write, in bytes.
func (s *Shard) Pending() int { return s.pending.bytes }

// Finish writes what the store does not have. The batch must be committed before the next command: until then the store has
// less than the shard takes it to have. Rows of a kind come in the order of their keys, which the store likes best.
func (s *Shard) Finish(b *store.Batch) error {
	p := &s.pending
	slices.SortFunc(p.channels, func(a, b *channel) int { return compareChannels(a.id, b.id) })
	slices.SortFunc(p.producers, func(a, b *producer) int {
		return cmp.Or(compareChannels(a.id.Channel, b.id.Channel), compareNames(a.id.Name, b.id.Name))
	})
	for _, write := range []func(*store.Batch) error{
		s.finishBase, s.finishDropped, s.finishChannels, s.finishEvents, s.finishLatest, s.finishProducers, s.finishPages, s.finishDue,
	} {
		if err := write(b); err != nil {
			return err
		}
	}
	for _, c := range p.full { // nothing has its rows any more
		s.chunks.Put((*[chunkBytes]byte)(c[:chunkBytes]))
	}
	p.reset()
	s.earliest.Store(never) // a look before the commit may miss what is due: it is seen by the next
	s.channels.age()
	s.producers.age()
	return nil
}

// compareChannels orders channels as keys that go on after their names are.
func compareChannels(a, b ChannelID) int {
	return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), compareNames(a.Name, b.Name))
}

func compareNames(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

func (s *Shard) finishBase(b *store.Batch) error {
	if !s.pending.base {
		return nil
	}
	return b.Put(appendPrefix(nil, s.shard, kindBase), binary.BigEndian.AppendUint64(nil, s.base))
}

func (s *Shard) finishDropped(b *store.Batch) error {
	for _, id := range s.pending.dropped {
		for _, kind := range perTenant {
			start := appendTenant(nil, s.shard, kind, id)
			if err := b.DeleteRange(start, store.After(start)); err != nil {
				return err
			}
		}
		if err := b.Put(appendTenant(nil, s.shard, kindDropped, id), nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *Shard) finishChannels(b *store.Batch) error {
	for _, c := range s.pending.channels {
		s.key = appendChannel(s.key[:0], s.shard, c.id)
		if _, err := b.PutMessage(s.key, c.row); err != nil {
			return fmt.Errorf("store a channel: %w", err)
		}
		c.dirty = false
	}
	return nil
}

func (s *Shard) finishEvents(b *store.Batch) error {
	for _, c := range s.pending.channels {
		first, next := c.row.Window.FirstOffset, c.row.NextOffset
		if gone := min(first, c.storedNext); gone > c.storedFirst {
			err := b.DeleteRange(appendEvent(nil, s.shard, c.id, c.storedFirst), appendEvent(nil, s.shard, c.id, gone))
			if err != nil {
				return err
			}
		}
		if err := s.writeEvents(b, c); err != nil {
			return err
		}
		clear(c.events)
		c.storedFirst, c.storedNext, c.events = first, next, c.events[:0]
		if cap(c.events) > keptEvents {
			c.events = nil
		}
	}
	return nil
}

func (s *Shard) finishLatest(b *store.Batch) error {
	for _, c := range s.pending.channels {
		for _, key := range slices.Sorted(maps.Keys(c.latest)) {
			s.key = append(appendWithin(s.key[:0], s.shard, kindLatest, c.id), key...)
			if err := putOrDelete(b, s.key, c.latest[key]); err != nil {
				return err
			}
		}
		c.latest = nil
	}
	return nil
}

// putOrDelete stores a row, nil for none.
func putOrDelete(b *store.Batch, key, row []byte) error {
	if row == nil {
		return b.Delete(key)
	}
	return b.PutRow(key, row)
}

func (s *Shard) finishProducers(b *store.Batch) error {
	var row logpb.ProducerRow
	for _, p := range s.pending.producers {
		s.key = appendProducer(s.key[:0], s.shard, p.id)
		p.dirty = false
		if p.last == 0 {
			if err := b.Delete(s.key); err != nil {
				return err
			}
			continue
		}
		row.LastSequence, row.LastUsedMs, row.DueMs, row.Recent = p.last, p.usedMs, p.dueMs, p.recent.encoded
		if _, err := b.PutMessage(s.key, &row); err != nil {
			return fmt.Errorf("store a producer: %w", err)
		}
	}
	return nil
}

func (s *Shard) finishPages(b *store.Batch) error {
	for _, p := range s.pending.producers {
		if p.forgotten {
			pages := appendPages(nil, s.shard, p.id)
			if err := b.DeleteRange(pages, store.After(pages)); err != nil {
				return err
			}
		}
		for _, t := range p.turned {
			s.key = appendPage(s.key[:0], s.shard, p.id, sequence.Slot(t.number))
			if err := b.PutRow(s.key, t.row); err != nil {
				return err
			}
		}
		p.turned, p.forgotten = nil, false
	}
	return nil
}

func (s *Shard) finishDue(b *store.Batch) error {
	for _, key := range slices.Sorted(maps.Keys(s.pending.due)) {
		var row []byte
		if s.pending.due[key] {
			row = make([]byte, store.SealBytes)
		}
		if err := putOrDelete(b, []byte(key), row); err != nil {
			return err
		}
	}
	return nil
}
