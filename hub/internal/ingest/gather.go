package ingest

import "time"

// The next entry waits for at most 1/gatherShare of the time that the one before has taken, and never for longer than
// gatherMost.
const (
	gatherShare = 4
	gatherMost  = 20 * time.Millisecond
)

// gather has the next entry wait for as many items as have just been answered, beside those that wait already: publishers
// that wait for their acks send their next ones at about the same time, and without this the first of them would go alone,
// or the publishers would fall into two halves that wait for each other. Whoever was answered alone, with nobody waiting,
// is not waited for. It requires mu.
func (g *Ingest) gather(answered []*batch, took time.Duration) {
	n := len(g.queue)
	for _, b := range answered {
		n += len(b.items)
	}
	if n < 2 || g.patience == nil {
		return
	}
	g.expected = n
	g.patience.Reset(min(took/gatherShare, gatherMost))
}

// gathered ends the wait.
func (g *Ingest) gathered() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.expected = 0
	g.changed.Signal()
}

// gathering reports whether the next entry is to wait for more. It requires mu.
func (g *Ingest) gathering() bool {
	if g.closing || len(g.batches) > 0 || len(g.queue) >= g.expected || g.bytes >= followBytes {
		g.expected = 0
	}
	return g.expected > 0
}
