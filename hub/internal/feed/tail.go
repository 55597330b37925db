package feed

import (
	"sync"

	"weir/proto/weirpb"
)

// Bounds of one channel's tail and of what one read returns. A follower that keeps up needs only the last few events; one
// that does not reads them from the store.
const (
	tailCount = 4096
	tailBytes = 4 << 20
	// leanBytes is what a tail may have while all together are over budget.
	leanBytes = 64 << 10
	readCount = 1024
	readBytes = 256 << 10
)

// overheadBytes is what an event takes beside its payload and key, roughly.
const overheadBytes = 160

// A Tail has the latest events of one channel, shared by all that follow it. It is safe for concurrent use.
type Tail struct {
	budget *Budget

	mu sync.Mutex
	// events are consecutive in seq; the first has seq first. Logged ones are consecutive in offset as well. Guarded by mu.
	events []*weirpb.Event
	first  uint64
	bytes  int
	// head is the highest offset known to be committed. Guarded by mu.
	head uint64
	// wake is closed when there is more, nil while nobody waits. Guarded by mu.
	wake chan struct{}
	// ended is true once the registry has let go of the tail, and gone is why its followers have to go. Guarded by mu.
	ended bool
	gone  error

	// followers, and the place among the idle, are guarded by the registry.
	followers int
	idleSince uint64
}

// A Cursor is where one follower is. It belongs to the follower.
type Cursor struct {
	// Offset is that of the last event delivered.
	Offset uint64
	// seq is the next place in the tail to look at; ephemeral events before live are older than the follower.
	seq, live uint64
}

// Begin returns the cursor of a follower that has had everything up to offset.
func (t *Tail) Begin(offset uint64) Cursor {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Cursor{Offset: offset, live: t.first + uint64(len(t.events))}
}

// Known says that events up to head are committed.
func (t *Tail) Known(head uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.head = max(t.head, head)
}

// A Read is what a follower finds.
type Read struct {
	Events []*weirpb.Event
	// Behind is true where the next event is no longer in the tail: it has to be read from the store.
	Behind bool
	// Wait is closed when there may be more; set where there is neither.
	Wait <-chan struct{}
}

// Next returns the events after a cursor and moves it.
func (t *Tail) Next(c *Cursor) (Read, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone != nil {
		return Read{}, t.gone
	}
	next := *c
	next.seq = max(next.seq, t.first)
	var found []*weirpb.Event
	size := 0
	for next.seq < t.first+uint64(len(t.events)) && len(found) < readCount && size < readBytes {
		e := t.events[next.seq-t.first]
		switch {
		case e.Offset == 0 && next.seq < next.live || e.Offset > 0 && e.Offset <= next.Offset:
		case e.Offset > next.Offset+1:
			return Read{Behind: true}, nil
		default:
			found = append(found, e)
			size += sizeOf(e)
			next.Offset = max(next.Offset, e.Offset)
		}
		next.seq++
	}
	if len(found) == 0 && t.head > next.Offset {
		return Read{Behind: true}, nil
	}
	*c = next
	if len(found) > 0 {
		return Read{Events: found}, nil
	}
	if t.wake == nil {
		t.wake = make(chan struct{})
	}
	return Read{Wait: t.wake}, nil
}

// append adds events and drops the oldest beyond the bounds.
func (t *Tail) append(events []*weirpb.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended { // let go of after the registry was asked for it
		return
	}
	added := 0
	for _, e := range events {
		added += sizeOf(e)
		t.head = max(t.head, e.Offset)
	}
	t.events = append(t.events, events...)
	t.bytes += added
	limit := tailBytes
	if t.budget.add(added) {
		limit = leanBytes
	}
	t.evict(limit)
	t.notify()
}

// evict requires mu.
func (t *Tail) evict(limit int) {
	n, freed := 0, 0
	for n < len(t.events)-1 && (t.bytes-freed > limit || len(t.events)-n > tailCount) {
		freed += sizeOf(t.events[n])
		n++
	}
	if n == 0 {
		return
	}
	clear(t.events[:n]) // lets go of the events; append moves the rest when it next grows the slice
	t.events = t.events[n:]
	t.first += uint64(n)
	t.bytes -= freed
	t.budget.add(-freed)
}

// notify requires mu.
func (t *Tail) notify() {
	if t.wake != nil {
		close(t.wake)
		t.wake = nil
	}
}

// end lets go of the events and tells all followers why.
func (t *Tail) end(why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.budget.add(-t.bytes)
	t.first += uint64(len(t.events))
	t.events, t.bytes, t.ended, t.gone = nil, 0, true, why
	t.notify()
}

func sizeOf(e *weirpb.Event) int { return overheadBytes + len(e.Payload) + len(e.Key) }
