package filterlog

import (
	"slices"

	"weir/proto/weirpb"
)

// A Reader takes the lines of all tenants a few at a time, each once. It belongs to one goroutine.
type Reader struct {
	log   *Log
	taken map[string]uint64 // sequence number of the latest line that was taken, by tenant
}

// Reader returns a Reader that begins with the oldest lines that are kept.
func (l *Log) Reader() *Reader { return &Reader{log: l, taken: map[string]uint64{}} }

// Rewind has the Reader begin again with the oldest lines that are kept.
func (r *Reader) Rewind() { clear(r.taken) }

// Next takes up to most lines, the oldest of each tenant and of none more than its share while others have some.
func (r *Reader) Next(most int) []*weirpb.FilterLine {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	waiting := map[string][]entry{}
	for tenant := range r.log.lines.Tenants() {
		entries := r.log.lines.Of(tenant)
		first, _ := slices.BinarySearchFunc(entries, r.taken[tenant]+1, func(e entry, n uint64) int { return int(int64(e.sequence - n)) })
		if first < len(entries) {
			waiting[tenant] = entries[first:]
		}
	}
	r.forget()
	var lines []*weirpb.FilterLine
	for len(waiting) > 0 && len(lines) < most {
		share := max(1, (most-len(lines))/len(waiting))
		for tenant, entries := range waiting {
			n := min(share, len(entries), most-len(lines))
			for _, e := range entries[:n] {
				lines = append(lines, e.line)
				r.taken[tenant] = e.sequence
			}
			if waiting[tenant] = entries[n:]; len(entries) == n {
				delete(waiting, tenant)
			}
		}
	}
	return lines
}

// forget drops what is known of tenants that have no lines any more. The log's mu is held.
func (r *Reader) forget() {
	for tenant := range r.taken {
		if len(r.log.lines.Of(tenant)) == 0 {
			delete(r.taken, tenant)
		}
	}
}
