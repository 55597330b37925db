package fanout

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A Listener is told about its Subscribers. It must not block, nor call back.
type Listener interface {
	// Ready says that Next has something. It is said once, then not again before Next has been called.
	Ready(s *Subscriber)
	// Ended says that the channel has ended the subscription, at most once. Close remains to be called.
	Ended(s *Subscriber, f *fault.Fault)
}

// A Subscriber is one subscription's place in a channel: a position in its group's ring, and, where the ring is not what
// comes next, a short queue of segments before it. It holds no copies of live events.
type Subscriber struct {
	id       uint32 // the subscription's number on the wire
	channel  *channel
	listener Listener

	awake atomic.Bool   // Ready was said and Next not yet called
	pos   atomic.Uint64 // next to read in the group's ring; nowhere while recovering. Written with mu held
	slot  int           // in group.subs; guarded by channel.mu
	room  chan struct{} // capacity 1: the queue has run empty
	gone  chan struct{} // closed by Close

	mu     sync.Mutex
	closed bool
	group  *group    // written with channel.mu held as well
	queue  []segment // comes before what is in the ring; at most queueMost
	// recovering says that a task is finding out how to go on, and appends to the queue meanwhile.
	recovering bool
	// why is the reason to give if the window can't close the gap.
	why      string
	lost     *weirpb.Gap // to be told with the next page
	earliest bool        // recovers from the oldest event, wherever that is
	ahead    time.Time   // since when it has waited for the channel to get to its cursor; zero: it does not
	resets   uint64
	// The subscription's place once the queue is read.
	place
	sent uint32 // revision of the last batch
}

// A place is how far a subscription has been told about its channel, and by which params.
type place struct {
	cursor   position
	told     totals // of what its group has held back
	revision uint32
}

// nowhere is the position of a subscriber that does not read its ring.
const nowhere = math.MaxUint64

// queueMost bounds the segments of a subscriber: who changes params faster than it reads is given a snapshot instead.
const queueMost = 8

// wake says Ready, unless it was said already.
func (s *Subscriber) wake() {
	if !s.awake.Load() && s.awake.CompareAndSwap(false, true) {
		s.listener.Ready(s)
	}
}

// Told returns how far the subscription has been told about its channel; false while it is catching up, and so not known.
func (s *Subscriber) Told() (*weirpb.Cursor, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) > 0 || s.recovering {
		return nil, false
	}
	return &weirpb.Cursor{Epoch: s.cursor.epoch, Offset: s.cursor.offset}, true
}

// Next appends one BATCH frame to dst, of about budget bytes at most unless a single item is larger, or nothing if there
// is nothing. If there may be more, it says Ready.
func (s *Subscriber) Next(dst []byte, budget int) []byte {
	s.awake.Store(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return dst
	}
	if len(s.queue) > 0 {
		dst = s.nextQueued(dst, budget)
		s.wake()
		return dst
	}
	if s.recovering {
		return dst
	}
	return s.nextLive(dst, budget)
}

func (s *Subscriber) nextQueued(dst []byte, budget int) []byte {
	dst, done := s.queue[0].appendBatch(dst, s, budget)
	if done {
		s.queue[0] = nil
		s.queue = s.queue[1:]
	}
	if len(s.queue) == 0 {
		s.queue = nil
		select {
		case s.room <- struct{}{}:
		default:
		}
	}
	return dst
}

// liveMost is how many entries one batch takes from a ring: enough to fill a write with small events, few enough to hold
// on the stack.
const liveMost = 64

// nextLive reads from the group's ring.
func (s *Subscriber) nextLive(dst []byte, budget int) []byte {
	var entries [liveMost]entry
	c, g, pos := s.channel, s.group, s.pos.Load()
	c.pub.RLock()
	if pos < g.ring.first {
		fell := g.ring.resets == s.resets
		c.pub.RUnlock()
		s.fallOut(fell)
		return dst
	}
	n := 0
	for ; n < liveMost && pos+uint64(n) < g.ring.next; n++ {
		entries[n] = *g.ring.at(pos + uint64(n))
	}
	all := pos+uint64(n) == g.ring.next
	tail := g.tail(c.head)
	c.pub.RUnlock()
	if n == 0 && tail.cursor == s.cursor {
		return dst
	}
	dst, used := s.appendEntries(dst, &s.place, entries[:n], all, tail, budget)
	s.pos.Store(pos + uint64(used))
	if used < n || !all {
		s.wake()
	}
	return dst
}

// A tail is where a group stood when all its entries had been read.
type tail struct {
	cursor position
	held   totals
}

// tail returns where the group stands. The channel's pub is held.
func (g *group) tail(h head) tail {
	return tail{cursor: h.position, held: g.heldBack(h.totals)}
}

// appendEntries appends a batch of as many entries as fit, moves a place behind them, and returns how many they are. all
// says that with the last of them the place is t.
func (s *Subscriber) appendEntries(dst []byte, at *place, entries []entry, all bool, t tail, budget int) (out []byte, used int) {
	b := beginBatch(dst, s.id)
	gap := gapOf(entries)
	if gap != nil {
		used = int(gap.GetTo() - gap.GetFrom() + 1)
	}
	for ; used < len(entries) && !entries[used].verdict.undecided(); used++ {
		if b.items > 0 && b.size()+len(entries[used].item) > budget {
			break
		}
		b.add(entries[used].item)
	}
	if used < len(entries) || !all {
		last := &entries[used-1]
		t = tail{cursor: position{at.cursor.epoch, last.offset}, held: last.held}
	}
	end := trailer{
		cursor: t.cursor, revision: at.revision, gap: gap,
		skipped: t.held.events - at.told.events, skippedBytes: t.held.bytes - at.told.bytes,
	}
	at.cursor, at.told = t.cursor, t.held
	return s.emit(&b, end), used
}

// gapOf returns the gap that the undecided events make with which entries begin, nil if there are none. It holds only
// events that follow one another, undecided for one reason, so that cursors, items, skips and gaps add up.
func gapOf(entries []entry) *weirpb.Gap {
	n := 0
	for n < len(entries) && entries[n].verdict.undecided() && entries[n].verdict == entries[0].verdict && entries[n].offset == entries[0].offset+uint64(n) {
		n++
	}
	if n == 0 {
		return nil
	}
	return &weirpb.Gap{From: entries[0].offset, To: entries[n-1].offset, Reason: entries[0].verdict.reason()}
}

// emit ends a batch.
func (s *Subscriber) emit(b *batchWriter, t trailer) []byte {
	m := s.channel.table.metrics
	m.Deliveries.Add(float64(b.items))
	m.Skips.Add(float64(t.skipped))
	if t.gap != nil {
		m.Gaps.WithLabelValues(t.gap.GetReason()).Inc()
	}
	s.sent = t.revision
	return b.end(t)
}

// fallOut starts to find out how to go on for a subscriber whose place in the ring is gone: by its own slowness, or
// because the ring began anew. mu is held.
func (s *Subscriber) fallOut(slow bool) {
	s.why = gapTrimmed
	if slow {
		s.why = gapTooSlow
	}
	s.startRecovery()
}
