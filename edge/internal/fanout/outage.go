package fanout

import (
	"log/slog"
	"sync"
	"time"
)

// An outage says once that channels are lost, and once that all are followed again: a hub that goes takes thousands along, and
// each of them tries again and again.
type outage struct {
	log *slog.Logger

	// Guarded by mu.
	mu    sync.Mutex
	lost  int // now
	most  int // at once, since
	since time.Time
}

// begin notes that a channel that was followed is lost.
func (o *outage) begin(log *slog.Logger, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lost++
	o.most = max(o.most, o.lost)
	if o.lost > 1 {
		log.Debug("channel lost", "err", err)
		return
	}
	o.since = time.Now()
	log.Warn("channel lost: it pauses, as do others that may follow, until the hub answers again", "err", err)
}

// end notes that a lost channel is followed again, or not needed any more.
func (o *outage) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost--; o.lost > 0 {
		return
	}
	o.log.Info("no channel is lost any more", "were_lost", o.most, "after", time.Since(o.since).Round(time.Millisecond).String())
	o.most = 0
}
