package fanout

import "weir/proto/weirpb"

// Bounds of what a log channel keeps of its latest events, for subscribers that resume a little behind and for groups
// that are new. Whoever is further behind reads the window of the hub.
const (
	recentMost      = 4096
	recentMostBytes = 8 << 20
)

// recent holds the latest logged events of a log channel, without gaps.
type recent struct {
	most   int             // events
	events []*weirpb.Event // a queue: from head on
	head   int
	bytes  int64
}

func (r *recent) len() int { return len(r.events) - r.head }

func (r *recent) push(e *weirpb.Event) {
	r.events = append(r.events, e)
	r.bytes += eventBytes(e)
	for r.len() > r.most || r.len() > 1 && r.bytes > recentMostBytes {
		r.bytes -= eventBytes(r.events[r.head])
		r.events[r.head] = nil
		r.head++
	}
	if r.head > len(r.events)/2 {
		r.compact()
	}
}

// compact moves the events to the front, so that the array is at most about twice as long as needed.
func (r *recent) compact() {
	n := copy(r.events, r.events[r.head:])
	clear(r.events[n:])
	r.events, r.head = r.events[:n], 0
}

func (r *recent) reset() { *r = recent{most: r.most} }

// after appends up to limit events that follow offset to dst; ok is false if the first of them is no longer there.
func (r *recent) after(dst []*weirpb.Event, offset uint64, limit int) (events []*weirpb.Event, ok bool) {
	if r.len() == 0 {
		return dst, false
	}
	first := r.events[r.head].GetOffset()
	if offset+1 < first {
		return dst, false
	}
	from := min(offset+1-first, uint64(r.len()))
	to := min(from+uint64(limit), uint64(r.len()))
	return append(dst, r.events[r.head+int(from):r.head+int(to)]...), true
}
