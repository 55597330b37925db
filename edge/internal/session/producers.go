package session

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"weir/proto/fault"
	"weir/proto/producer"
)

// maxGranted is how many identities a session is granted at once beside its own. A client settles what it has sent under
// one before it goes on under another, so that one would do; the others are for answers that are still on their way.
const maxGranted = 4

// producers are the identities that a session's publications may count under. It is safe for concurrent use.
type producers struct {
	own string // granted or confirmed by WELCOME; set by hello

	mu      sync.Mutex
	granted []string // guarded by mu; the newest last, at most maxGranted
}

// choose returns the identity that a publication counts under that names asked.
func (p *producers) choose(asked string) (string, *fault.Fault) {
	if asked == "" || asked == p.own {
		return p.own, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Contains(p.granted, asked) {
		return asked, nil
	}
	return "", fault.New(fault.InvalidArgument, "the producer is neither the session's own nor one that it has granted lately").
		WithHint("leave it empty, or name the one that came with the last producer_expired")
}

// grant returns an identity to go on with for a client whose publication was refused because expired is forgotten. All
// that were sent under one before the client heard of that are given the same.
func (p *producers) grant(expired string, now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	newest := p.own
	if n := len(p.granted); n > 0 {
		newest = p.granted[n-1]
	}
	if newest != expired {
		return newest
	}
	if len(p.granted) == maxGranted {
		p.granted = slices.Delete(p.granted, 0, 1)
	}
	fresh := producer.New(now, rand.Reader)
	p.granted = append(p.granted, fresh)
	return fresh
}
