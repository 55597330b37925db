// Package shard is the replicated state of one shard: the channels on it with their events, the latest event per key of
// state channels, and what each channel remembers of producers. Commands change it deterministically; readers see what
// has been committed.
package shard

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"

	"weir/hub/internal/placement"
	"weir/hub/internal/run"
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

// Bounds of what a Shard has in memory. The zero value of each is the default.
type Bounds struct {
	// Cached is how many channels, and how many producers, are kept between commands at most (times two). Zero: 32,768
	// channels and 65,536 producers.
	Cached int
	// Pending is how much is put off until Finish, in bytes, beyond which Full says so.
	Pending int
	// Run is how long a run of events gets, in bytes: an event that is longer is a run of its own.
	Run int
}

const (
	// channelsCached and producersCached are enough that those which publish every few seconds are found there: what is not
	// costs a read of the store. A producer takes some 350 bytes.
	channelsCached  = 1 << 15
	producersCached = 1 << 16
	// pendingBytes is some 9,000 events of 200 bytes. More would make the pause longer in which they are written, some 5 ms, and
	// less would have rows that change often written more often.
	pendingBytes = 3 << 20
)

// A Shard applies commands. What they change is in its memory until Finish writes it to a batch, so that the store has
// less than has been applied. It belongs to one goroutine; a Reader is for the others.
type Shard struct {
	Reader
	store  *store.Store
	bounds Bounds
	// followed reports whether anybody is to be told of a channel's events.
	followed func(ChannelID) bool

	channels  cache[ChannelID, *channel]
	producers cache[ProducerID, *producer]
	// dropped has the tenants that publications are refused for.
	dropped map[uint64]struct{}
	base    uint64
	pending pending
	// chunks has memory for rows, until the garbage collector takes it.
	chunks sync.Pool

	// key and body are scratch.
	key, body []byte
}

// A channel is a channel's row in memory, with what the store does not have yet.
type channel struct {
	id    ChannelID
	row   *logpb.ChannelRow
	dirty bool
	// storedFirst and storedNext say which events the store has: from the one offset on, before the other.
	storedFirst, storedNext uint64
	// events has the rows of the window's last events, those from storedNext on that it still has.
	events [][]byte
	// latest has the rows of the latest events of keys that have changed, nil for those that have no value now.
	latest map[string][]byte
}

// Open reads what is needed in memory.
func Open(s *store.Store, id placement.Shard, b Bounds, followed func(ChannelID) bool) (*Shard, error) {
	if b.Pending == 0 {
		b.Pending = pendingBytes
	}
	if b.Run == 0 {
		b.Run = run.Bytes
	}
	reader := Reader{store: s, shard: id, earliest: &atomic.Int64{}}
	sh := &Shard{Reader: reader, store: s, bounds: b, followed: followed}
	return sh, sh.Reload()
}

// Discard forgets what is in memory.
func (s *Shard) Discard() {
	s.channels = newCache[ChannelID, *channel](cmp.Or(s.bounds.Cached, channelsCached))
	s.producers = newCache[ProducerID, *producer](cmp.Or(s.bounds.Cached, producersCached))
	s.dropped = map[uint64]struct{}{}
	s.pending = pending{}
	s.earliest.Store(never)
}

// Reload reads anew what is in memory, after the store has been replaced. What Finish has not written is lost.
func (s *Shard) Reload() error {
	s.Discard()
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
func (s *Shard) Init(c *logpb.InitShard) {
	if s.base == 0 {
		s.base = max(1, c.GetBaseEpoch())
		s.pending.base = true
	}
}

// DropTenant drops all channels of a tenant and refuses commands about it from now on.
func (s *Shard) DropTenant(c *logpb.DropTenant) {
	id := c.GetTenantId()
	s.dropped[id] = struct{}{}
	s.pending.dropped = append(s.pending.dropped, id)
	// Only the tenant's own rows are forgotten: those of others may hold what the store does not have yet.
	s.channels.removeIf(func(c ChannelID) bool { return c.Tenant == id })
	s.producers.removeIf(func(p ProducerID) bool { return p.Channel.Tenant == id })
	s.pending.channels = slices.DeleteFunc(s.pending.channels, func(c *channel) bool { return c.id.Tenant == id })
	s.pending.producers = slices.DeleteFunc(s.pending.producers, func(p *producer) bool { return p.id.Channel.Tenant == id })
}

func (s *Shard) isDropped(tenantID uint64) bool {
	_, gone := s.dropped[tenantID]
	return gone
}

// channel returns a channel's row, an empty one for a channel that nobody has published to. One that is not in memory has
// nothing pending, so the store has it as it is.
func (s *Shard) channel(tenant uint64, name []byte) (*channel, error) {
	if c, ok := s.channels.young[ChannelID{Tenant: tenant, Name: string(name)}]; ok { // without making a string
		return c, nil
	}
	id := ChannelID{Tenant: tenant, Name: string(name)}
	if c, ok := s.channels.get(id); ok {
		return c, nil
	}
	c := &channel{id: id}
	err := s.store.Peek(func(r store.Reader) (err error) {
		c.row, err = s.channelIn(r, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.storedFirst, c.storedNext = c.row.Window.FirstOffset, c.row.NextOffset
	s.channels.put(id, c)
	return c, nil
}
