package edgeclient

import (
	"math/rand/v2"
	"time"
)

// Waits between sessions (SPEC.md, section 12).
const (
	firstBackoff = 250 * time.Millisecond
	lastBackoff  = 15 * time.Second
	// stable is how long a session must stand for the failures before it to be forgotten.
	stable = 10 * time.Second
	// maxRetryAfter bounds what a server may ask for.
	maxRetryAfter = 10 * time.Minute
)

// backoff says how long to wait before the next attempt. The zero value is ready.
type backoff struct {
	failures int
}

// next returns the wait after a session, or an attempt at one, that stood for some time (0: it never did). retryAfter is
// what the server asked for, 0 if it did not.
func (b *backoff) next(stood, retryAfter time.Duration) time.Duration {
	if stood >= stable {
		b.failures = 0
		if retryAfter == 0 {
			return 0
		}
	}
	wait := rand.N(spread(firstBackoff, lastBackoff, b.failures))
	b.failures++
	if retryAfter > 0 {
		retryAfter = min(retryAfter, maxRetryAfter)
		wait = max(wait, retryAfter+rand.N(retryAfter/2+1))
	}
	return wait
}

// spread returns first doubled a number of times, at most last.
func spread(first, last time.Duration, doublings int) time.Duration {
	for range doublings {
		if first *= 2; first >= last {
			return last
		}
	}
	return first
}
