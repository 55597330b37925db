package nemesis

import (
	"sync"
	"time"

	"weir/edge/edgeclient"
)

// A publication is one attempt to publish, with all its retries.
type publication struct {
	channel   string
	publisher int
	number    int    // counts the publisher's publications on the channel, from 1
	key       string // on a state channel
	call, end int64  // in nanoseconds since the history began; end 0: no ack came
	offset    uint64 // of the ack
}

// A reading is a linearizable read of a channel.
type reading struct {
	channel   string
	reader    int
	key       string // "" for the channel's end
	call, end int64
	last      uint64 // the channel's last offset, or that of the key's latest event; 0: there is none
}

// A history is what a region's clients did and saw. It is safe for concurrent use.
type history struct {
	began time.Time

	mu           sync.Mutex
	publications []publication // guarded by mu
	readings     []reading     // guarded by mu
}

func newHistory() *history { return &history{began: time.Now()} }

// now is the time of an event of the history.
func (h *history) now() int64 { return int64(time.Since(h.began)) + 1 }

func (h *history) published(p publication) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.publications = append(h.publications, p)
}

func (h *history) read(r reading) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readings = append(h.readings, r)
}

// A sighting is what one subscriber saw of a channel, in order, or what stands in its log.
type sighting struct {
	who      string
	channel  string
	messages []edgeclient.Message
}
