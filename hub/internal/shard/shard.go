// Package shard is the replicated state of one shard: the channels on it with their events, the latest event per key of
// state channels, and what each channel remembers of producers. Commands change it deterministically; readers see what
// has been committed.
package shard

import (
	"encoding/binary"
	"fmt"
	"slices"

	"weir/hub/internal/placement"
	"weir/hub/internal/store"
	"weir/proto/logpb"
)

// A ChannelID names a channel for as long as its tenant lives; a later tenant of the same name has another id.
type ChannelID struct {
	Tenant uint64
	Name   string
}

// A ProducerID names a producer on a channel.
type ProducerID struct {
	Channel ChannelID
	Name    string
}

// cached is how many channels, and how many producers, are kept in memory between commands at most (times two): enough
// that those which publish every few seconds are found there.
const cached = 1 << 15

// A Shard applies commands. It belongs to one goroutine; a Reader is for the others.
type Shard struct {
	Reader
	store *store.Store

	channels  cache[ChannelID, *channel]
	producers cache[ProducerID, *producer]
	// dropped has the tenants that publications are refused for.
	dropped map[uint64]struct{}
	base    uint64

	// What the commands of the batch at hand have changed and Finish will write.
	dirtyChannels  []*channel
	dirtyProducers []*producer
	// latest says of keys of state channels that the batch has changed whether they have a value now.
	latest map[string]bool

	// key and body are scratch.
	key, body []byte
}

// A channel is a channel's row in memory.
type channel struct {
	id    ChannelID
	row   *logpb.ChannelRow
	dirty bool
}

// A producer is a producer's row in memory; row is nil for one that the channel does not know.
type producer struct {
	id    ProducerID
	row   *logpb.ProducerRow
	dirty bool
	// recent has the outcomes that no page has yet, and turned the pages that the batch at hand has filled, which can't be
	// read from the store yet.
	recent page
	turned []turned
}

// A turned page has become full.
type turned struct {
	number uint64
	page   page
}

// Open reads what is needed in memory.
func Open(s *store.Store, id placement.Shard) (*Shard, error) {
	sh := &Shard{Reader: Reader{store: s, shard: id}, store: s}
	return sh, sh.Reload()
}

// Reload reads anew what is in memory, after the store has been replaced.
func (s *Shard) Reload() error {
	s.channels = newCache[ChannelID, *channel](cached)
	s.producers = newCache[ProducerID, *producer](cached)
	s.dropped = map[uint64]struct{}{}
	s.latest = map[string]bool{}
	s.dirtyChannels, s.dirtyProducers = nil, nil
	var err error
	if s.base, err = s.BaseEpoch(); err != nil {
		return err
	}
	start := appendPrefix(nil, s.shard, kindDropped)
	return s.store.View(func(r store.Reader) error {
		return r.Scan(start, store.After(start), func(key, _ []byte) (bool, error) {
			if len(key) != prefixBytes+8 {
				return false, &store.CorruptError{Key: append([]byte(nil), key...), Reason: errKey.Error()}
			}
			s.dropped[binary.BigEndian.Uint64(key[prefixBytes:])] = struct{}{}
			return true, nil
		})
	})
}

// Init sets the base epoch, once.
func (s *Shard) Init(b *store.Batch, c *logpb.InitShard) error {
	if s.base != 0 {
		return nil
	}
	s.base = max(1, c.GetBaseEpoch())
	return b.Put(appendPrefix(nil, s.shard, kindBase), binary.BigEndian.AppendUint64(nil, s.base))
}

// DropTenant drops all channels of a tenant and refuses commands about it from now on.
func (s *Shard) DropTenant(b *store.Batch, c *logpb.DropTenant) error {
	id := c.GetTenantId()
	for _, kind := range perTenant {
		start := appendTenant(nil, s.shard, kind, id)
		if err := b.DeleteRange(start, store.After(start)); err != nil {
			return err
		}
	}
	s.dropped[id] = struct{}{}
	// Only the tenant's own rows are forgotten: those of others may hold what the store does not have yet.
	s.channels.removeIf(func(c ChannelID) bool { return c.Tenant == id })
	s.producers.removeIf(func(p ProducerID) bool { return p.Channel.Tenant == id })
	s.dirtyChannels = slices.DeleteFunc(s.dirtyChannels, func(c *channel) bool { return c.id.Tenant == id })
	s.dirtyProducers = slices.DeleteFunc(s.dirtyProducers, func(p *producer) bool { return p.id.Channel.Tenant == id })
	return b.Put(appendTenant(nil, s.shard, kindDropped, id), nil)
}

func (s *Shard) isDropped(tenantID uint64) bool {
	_, gone := s.dropped[tenantID]
	return gone
}

// Finish writes what the commands have left in memory. It comes last before a batch is committed: until then the store
// does not have what the batch has changed.
func (s *Shard) Finish(b *store.Batch) error {
	for _, c := range s.dirtyChannels {
		s.key = appendChannel(s.key[:0], s.shard, c.id)
		if _, err := b.PutMessage(s.key, c.row); err != nil {
			return fmt.Errorf("store a channel: %w", err)
		}
		c.dirty = false
	}
	for _, p := range s.dirtyProducers {
		if err := s.finishProducer(b, p); err != nil {
			return fmt.Errorf("store a producer: %w", err)
		}
		p.dirty, p.turned = false, nil
	}
	s.dirtyChannels, s.dirtyProducers = s.dirtyChannels[:0], s.dirtyProducers[:0]
	clear(s.latest)
	s.channels.age()
	s.producers.age()
	return nil
}

// channel returns a channel's row, an empty one for a channel that nobody has published to.
func (s *Shard) channel(id ChannelID) (*channel, error) {
	if c, ok := s.channels.get(id); ok {
		return c, nil
	}
	row, err := s.channelRow(id)
	if err != nil {
		return nil, err
	}
	c := &channel{id: id, row: row}
	s.channels.put(id, c)
	return c, nil
}

func (s *Shard) touch(c *channel) {
	if !c.dirty {
		c.dirty = true
		s.dirtyChannels = append(s.dirtyChannels, c)
	}
}
