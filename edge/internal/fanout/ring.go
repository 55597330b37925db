package fanout

// An entry is what one event is to a group: an item, or the mark of an event that its filters have not decided about.
type entry struct {
	item []byte // encoded, shared; nil if undecided
	// offset is where the channel stands with this entry.
	offset uint64
	// held is what the group's filters had held back before this entry.
	held totals
	// logged is false for an ephemeral event, whose offset is that of the event before it.
	logged bool
	// verdict is the group's: failed or starved where there is no item.
	verdict verdict
}

// Bounds of a group's ring. A subscriber that lags by more falls out of it and catches up from the window, or is given a
// snapshot.
const (
	ringFirst     = 8       // entries at first
	ringMost      = 2048    // entries at most, a power of two
	ringMostBytes = 4 << 20 // of the items referred to
)

// A ring holds the latest entries of a group, by position. Positions count up and are never used again.
type ring struct {
	most    int     // entries, a power of two
	entries []entry // the length is a power of two
	first   uint64  // position of the oldest entry
	next    uint64  // position that the next entry will get
	bytes   int
	resets  uint64 // how often the ring began anew
	// base says from where on the ring is complete: every entry of an event after it is there.
	base position
}

func (r *ring) at(pos uint64) *entry { return &r.entries[pos&uint64(len(r.entries)-1)] }

func (r *ring) len() int { return int(r.next - r.first) }

// push appends an entry. Where there is no room, it lets go of what all readers have read; if that is little, the ring
// grows, up to its bounds; then the oldest entries go, and who needed them has fallen out.
func (r *ring) push(e entry, readers interface{ oldest() uint64 }) {
	if r.len() == len(r.entries) {
		r.release(min(readers.oldest(), r.next))
		r.makeRoom()
	}
	if r.bytes+len(e.item) > ringMostBytes {
		r.release(min(readers.oldest(), r.next))
	}
	for r.len() > 0 && r.bytes+len(e.item) > ringMostBytes {
		r.release(r.first + 1)
	}
	*r.at(r.next) = e
	r.next++
	r.bytes += len(e.item)
}

// makeRoom grows a ring that is more than three quarters full, or lets go of the oldest entry where it may not grow.
func (r *ring) makeRoom() {
	switch n := len(r.entries); {
	case n == 0:
		r.entries = make([]entry, min(ringFirst, r.most))
	case r.len() > n*3/4 && n < r.most:
		r.grow()
	case r.len() == n:
		r.release(r.first + 1)
	}
}

// release lets go of the entries before pos.
func (r *ring) release(pos uint64) {
	for ; r.first < pos; r.first++ {
		e := r.at(r.first)
		r.bytes -= len(e.item)
		r.base.offset = e.offset
		*e = entry{}
	}
}

func (r *ring) grow() {
	larger := ring{entries: make([]entry, 2*len(r.entries))}
	for pos := r.first; pos < r.next; pos++ {
		*larger.at(pos) = *r.at(pos)
	}
	r.entries = larger.entries
}

// reset empties the ring, which is complete from base on. Every reader, even one that had read all, has fallen out: it
// can't know what has happened in between.
func (r *ring) reset(base position) {
	r.entries, r.bytes = nil, 0
	r.next++
	r.first = r.next
	r.base = base
	r.resets++
}

// after returns the position of the first entry of an event after offset, which is not before the base, and how many
// entries of logged events there are from there on.
func (r *ring) after(offset uint64) (pos, logged uint64) {
	pos = r.next
	for pos > r.first && r.at(pos-1).offset > offset {
		pos--
		if r.at(pos).logged {
			logged++
		}
	}
	return pos, logged
}
