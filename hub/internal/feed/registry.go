// Package feed hands committed events to those that follow a channel: from a tail in memory that all of them share, and
// never with a copy or a queue per follower.
package feed

import (
	"sync"
	"sync/atomic"

	"weir/hub/internal/shard"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// Bounds of the tails.
const (
	// maxTails is how many channels of a registry may be followed at once; an empty tail takes about 200 bytes.
	maxTails = 1 << 17
	// maxIdle is how many tails are kept that nobody follows any more, for who comes right back.
	maxIdle = 1024
	// budgetBytes is how much all tails of a budget may have before each becomes lean.
	budgetBytes = 256 << 20
)

// A Budget counts the bytes of the tails of one or several registries.
type Budget struct{ used atomic.Int64 }

// Used returns how much the tails have, roughly, in bytes.
func (b *Budget) Used() int64 { return b.used.Load() }

// add reports whether the budget is overdrawn.
func (b *Budget) add(n int) bool { return b.used.Add(int64(n)) > budgetBytes }

// A Registry has the tails of the channels that are followed or were lately. It is safe for concurrent use.
type Registry struct {
	budget *Budget

	mu    sync.RWMutex
	tails map[shard.ChannelID]*Tail // guarded by mu
	// idle are tails without followers, oldest first; one that is followed again meanwhile has another idleSince. Guarded
	// by mu.
	idle []idleTail
	// clock counts releases. Guarded by mu.
	clock     uint64
	followers atomic.Int64
}

type idleTail struct {
	id    shard.ChannelID
	since uint64
}

// NewRegistry returns a Registry without tails.
func NewRegistry(b *Budget) *Registry {
	return &Registry{budget: b, tails: map[shard.ChannelID]*Tail{}}
}

// Follow returns a channel's tail. Events that are committed from now on are emitted to it. Call release when done.
func (r *Registry) Follow(id shard.ChannelID) (t *Tail, release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t = r.tails[id]
	if t == nil {
		if len(r.tails) >= maxTails {
			return nil, nil, fault.New(fault.Busy, "%d channels are followed at this hub, as many as it can", maxTails)
		}
		t = &Tail{budget: r.budget}
		r.tails[id] = t
	}
	t.followers++
	t.idleSince = 0
	r.followers.Add(1)
	return t, sync.OnceFunc(func() { r.release(id, t) }), nil
}

func (r *Registry) release(id shard.ChannelID, t *Tail) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.followers.Add(-1)
	t.followers--
	if t.followers > 0 || r.tails[id] != t {
		return
	}
	r.clock++
	t.idleSince = r.clock
	r.idle = append(r.idle, idleTail{id: id, since: r.clock})
	for len(r.idle) > maxIdle {
		r.dropIdle(r.idle[0])
		r.idle = r.idle[1:]
	}
}

// dropIdle requires mu.
func (r *Registry) dropIdle(i idleTail) {
	if t := r.tails[i.id]; t != nil && t.idleSince == i.since {
		delete(r.tails, i.id)
		t.end(nil)
	}
}

// Emit adds events to a channel's tail, if it has one. Calls for one channel come in order.
func (r *Registry) Emit(id shard.ChannelID, events []*weirpb.Event) {
	r.mu.RLock()
	t := r.tails[id]
	r.mu.RUnlock()
	if t != nil {
		t.append(events)
	}
}

// Has reports whether a channel has a tail. One that comes later is read the store for first, which has all events that
// were applied before.
func (r *Registry) Has(id shard.ChannelID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.tails[id] != nil
}

// EndChannel ends a channel's tail: followers are told why.
func (r *Registry) EndChannel(id shard.ChannelID, why error) {
	r.endAll(func(other shard.ChannelID) bool { return other == id }, why)
}

// EndTenant ends the tails of a tenant's channels: followers are told why.
func (r *Registry) EndTenant(tenantID uint64, why error) {
	r.endAll(func(id shard.ChannelID) bool { return id.Tenant == tenantID }, why)
}

// End ends all tails.
func (r *Registry) End(why error) { r.endAll(func(shard.ChannelID) bool { return true }, why) }

func (r *Registry) endAll(which func(shard.ChannelID) bool, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, t := range r.tails {
		if which(id) {
			delete(r.tails, id)
			t.end(why)
		}
	}
}

// Live returns how many channels have a tail.
func (r *Registry) Live() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.tails)
}

// Followers returns how many follow a channel.
func (r *Registry) Followers() int64 { return r.followers.Load() }
