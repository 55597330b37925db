package fanout

import (
	"context"
	"time"
)

// aheadMost is how long a subscriber waits whose cursor is of a later epoch than the channel's. Epochs only grow, so the
// cursor is from an edge that is ahead, and this one, or the hub's node that it follows, is about to hear that the channel
// has begun anew: a matter of milliseconds, or of an election. After that the cursor is taken to be from elsewhere, say from
// a region that was restored with its epochs as they were.
const aheadMost = 10 * time.Second

// An arrival is what a subscriber waits for that is ahead of its channel.
type arrival struct {
	advanced <-chan struct{} // closed when the channel has moved
	until    time.Time       // zero: however long it takes
}

// expects reports whether the channel is expected to get to where a subscriber stands, rather than the subscriber to go
// on from where the channel stands. The time that counts is that for which the channel has been followed: while it
// is not, all wait. The channel's and the subscriber's mu are held.
func (c *channel) expects(s *Subscriber) (arrival, bool) {
	if !c.behind(s) {
		s.ahead = time.Time{}
		return arrival{}, false
	}
	now := time.Now()
	if s.ahead.IsZero() {
		s.ahead = now
	}
	a := arrival{advanced: c.nextAdvance()}
	if !c.following || c.loading != nil {
		return a, true
	}
	a.until = s.ahead.Add(aheadMost)
	if t := c.followed.Add(aheadMost); t.After(a.until) {
		a.until = t
	}
	return a, now.Before(a.until)
}

// behind reports whether the channel has not got to where a subscriber stands as far as the hub has to be waited for: to
// its epoch, and on a state channel, whose snapshots would else go back in time, to its offset. A log channel's subscriber that is
// ahead within its epoch has been checked against the hub, and plan waits for it without a bound. The channel's and the
// subscriber's mu are held.
func (c *channel) behind(s *Subscriber) bool {
	if s.cursor.epoch == c.head.epoch {
		return c.isState() && s.cursor.offset > c.head.offset
	}
	return s.cursor.epoch > c.head.epoch
}

// nextAdvance returns what is closed when the channel next moves. mu is held.
func (c *channel) nextAdvance() <-chan struct{} {
	if c.advanced == nil {
		c.advanced = make(chan struct{})
	}
	return c.advanced
}

// await waits until the channel has moved or the time is over, and reports whether the subscriber still wants to go on.
func (s *Subscriber) await(ctx context.Context, a arrival) bool {
	var over <-chan time.Time
	if !a.until.IsZero() {
		timer := time.NewTimer(time.Until(a.until))
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-a.advanced:
		return true
	case <-over:
		return true
	case <-s.gone:
	case <-ctx.Done():
	}
	return false
}
