package hubclient

import (
	"container/list"
	"sync"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// Bounds of what waits for the hub: some tenths of a second of what a hub takes in. Beyond, publishers are told that it is
// busy, before memory is gone and while they may still do something else.
const (
	maxOutstanding      = 4096
	maxOutstandingBytes = 32 << 20
)

// An entry is one publication that has no answer yet.
type entry struct {
	id       uint64
	encoded  []byte // a PUBLISH frame
	again    bool   // may be sent twice: it is deduplicated
	deadline time.Time
	done     func(*weirpb.Receipt, error)

	sent bool // guarded by outbox.mu; in this session or one before
}

// An outbox holds the publications that have no answer yet, in the order in which they were handed over. What leaves it is
// returned to the one caller that is to call done.
type outbox struct {
	wake chan struct{} // holds at most one token: there is something to send

	mu     sync.Mutex
	order  *list.List               // guarded by mu; of *entry
	byID   map[uint64]*list.Element // guarded by mu
	next   *list.Element            // guarded by mu; the first that is to be sent in this session, nil: none
	bytes  int                      // guarded by mu
	closed bool                     // guarded by mu
}

func newOutbox() *outbox {
	return &outbox{wake: make(chan struct{}, 1), order: list.New(), byID: map[uint64]*list.Element{}}
}

// add appends e. Where the outbox is full or closed it returns why, and e is not in it.
func (o *outbox) add(e *entry) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return errClosed
	}
	if len(o.byID) >= maxOutstanding || o.bytes+len(e.encoded) > maxOutstandingBytes {
		return fault.New(fault.Busy, "too many publications wait for the hub").WithRetryAfter(100 * time.Millisecond)
	}
	element := o.order.PushBack(e)
	o.byID[e.id] = element
	o.bytes += len(e.encoded)
	if o.next == nil {
		o.next = element
	}
	o.signal()
	return nil
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take appends to dst the frames to be sent next in this session, about size bytes of them at most. resent counts those
// that an earlier session had sent.
func (o *outbox) take(dst []byte, size int) (frames []byte, resent int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.next != nil && len(dst) < size {
		e := o.next.Value.(*entry)
		dst = append(dst, e.encoded...)
		if e.sent {
			resent++
		}
		e.sent = true
		o.next = o.next.Next()
	}
	if o.next != nil {
		o.signal()
	}
	return dst, resent
}

// settle removes and returns the entry with an id, nil if there is none: an answer that comes too late.
func (o *outbox) settle(id uint64) *entry {
	o.mu.Lock()
	defer o.mu.Unlock()
	if element, ok := o.byID[id]; ok {
		return o.remove(element)
	}
	return nil
}

// restart prepares for another session: what has not been answered is to be sent again, in order. It removes and returns
// what must not be sent twice.
func (o *outbox) restart() []*entry {
	o.mu.Lock()
	defer o.mu.Unlock()
	failed := o.removeIf(func(e *entry) bool { return e.sent && !e.again })
	o.next = o.order.Front()
	if o.next != nil {
		o.signal()
	}
	return failed
}

// expired removes and returns what has waited too long. Deadlines are nearly in order, so the first that is not over ends
// the search; one behind it waits for the next.
func (o *outbox) expired(now time.Time) []*entry {
	o.mu.Lock()
	defer o.mu.Unlock()
	var over []*entry
	for front := o.order.Front(); front != nil && !now.Before(front.Value.(*entry).deadline); front = o.order.Front() {
		over = append(over, o.remove(front))
	}
	return over
}

// close removes and returns everything; nothing can be added afterwards.
func (o *outbox) close() []*entry {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	return o.removeIf(func(*entry) bool { return true })
}

func (o *outbox) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.byID)
}

// removeIf removes and returns what leaves, in order. o.mu is held.
func (o *outbox) removeIf(leaves func(*entry) bool) []*entry {
	var left []*entry
	for element := o.order.Front(); element != nil; {
		following := element.Next()
		if leaves(element.Value.(*entry)) {
			left = append(left, o.remove(element))
		}
		element = following
	}
	return left
}

// remove takes one entry out. o.mu is held.
func (o *outbox) remove(element *list.Element) *entry {
	if o.next == element {
		o.next = element.Next()
	}
	e := o.order.Remove(element).(*entry)
	delete(o.byID, e.id)
	o.bytes -= len(e.encoded)
	return e
}
