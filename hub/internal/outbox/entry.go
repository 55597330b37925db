package outbox

import "time"

// An entry is what a box knows of an item. It is part of the item, so that a publication takes memory once.
type entry struct {
	number uint64 // by the order in which they were handed over
	item   *Item
	lane   *lane
	at     [kinds]links
	// astray is whether it is out of its lane, and waits for its answer until then.
	astray bool
	until  time.Time
	// attempt is the one under way, 0 if there is none; attempts are all of which an answer may still come, mostly one, which
	// has its room in single.
	attempt  uint64
	attempts []uint64
	single   [1]uint64
	tried    bool
	// open counts attempts whose outcome is not known and may never be: the item may have been accepted.
	open int
}

// enter returns a new entry for an item.
func (i *Item) enter(number uint64) *entry {
	i.entry = entry{number: number, item: i}
	i.entry.attempts = i.entry.single[:0]
	return &i.entry
}

// Kinds of queues: an entry is in at most one of each.
const (
	byAge   = iota // all of a box
	byPlace        // those of a lane, or strays
	kinds
)

// links are an entry's neighbours in a queue of one kind.
type links struct{ before, after *entry }

// A queue is a list of entries that takes no memory of its own.
type queue struct {
	of          int // its kind
	first, last *entry
	count       int
}

func (q *queue) after(e *entry) *entry { return e.at[q.of].after }

// push appends an entry.
func (q *queue) push(e *entry) {
	e.at[q.of] = links{before: q.last}
	if q.last == nil {
		q.first = e
	} else {
		q.last.at[q.of].after = e
	}
	q.last = e
	q.count++
}

// remove takes out an entry, which is in the queue.
func (q *queue) remove(e *entry) {
	at := e.at[q.of]
	if at.before == nil {
		q.first = at.after
	} else {
		at.before.at[q.of].after = at.after
	}
	if at.after == nil {
		q.last = at.before
	} else {
		at.after.at[q.of].before = at.before
	}
	e.at[q.of] = links{}
	q.count--
}
