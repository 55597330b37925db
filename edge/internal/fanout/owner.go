package fanout

import (
	"errors"
	"math/rand/v2"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// Waits between attempts to reach the hub, before jitter of half as much again or less.
const (
	retryFirst   = 100 * time.Millisecond
	retryLongest = 5 * time.Second
)

// follow is the channel's owner: it follows the channel upstream, from where it stands, again and again until the channel
// ends.
func (c *channel) follow() {
	wait, lost := retryFirst, false
	found := func() {
		if lost {
			lost = false
			c.table.outage.end()
		}
	}
	defer found()
	deliver := func(b *weirpb.FeedBatch) error {
		found()
		return c.deliver(b)
	}
	for {
		before, since := c.received(), time.Now()
		err := c.table.upstream.Follow(c.ctx, c.tenant, c.name, c.cursor(), deliver)
		if c.ctx.Err() != nil {
			return
		}
		if f := terminal(err); f != nil {
			c.log.Info("channel ended", "err", f)
			c.table.remove(c)
			c.end(f)
			return
		}
		c.table.metrics.FollowLosses.Inc()
		if c.unfollowed() != before || time.Since(since) > retryLongest {
			wait = retryFirst // the hub answered, or has been waited for long enough: during an election, its client waits
		}
		if !lost {
			lost = true
			c.table.outage.begin(c.log, err)
		}
		if !c.pause(wait) {
			return
		}
		wait = min(2*wait, retryLongest)
	}
}

// pause waits for about d, unless the channel ends.
func (c *channel) pause(d time.Duration) bool {
	timer := time.NewTimer(d/2 + rand.N(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// terminal returns the fault that no further attempt would change, nil for others.
func terminal(err error) *fault.Fault {
	var f *fault.Fault
	if !errors.As(err, &f) {
		return nil
	}
	switch f.Code {
	case fault.TenantUnknown, fault.NamespaceUnknown, fault.NotFound, fault.ChannelInvalid, fault.InvalidArgument,
		fault.PermissionDenied:
		return f
	}
	if f == errStateFull || f == errKindChanged {
		return f
	}
	return nil
}

// received says whether anything has come: it changes with every batch.
func (c *channel) received() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.batches
}

// unfollowed notes that the channel is not followed for now, and returns what received does.
func (c *channel) unfollowed() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.following = false
	return c.batches
}

// cursor returns where to follow from, nil to begin anew.
func (c *channel) cursor() *weirpb.Cursor {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loading, c.following = nil, false
	if !c.opened || c.holed {
		return nil
	}
	return &weirpb.Cursor{Epoch: c.head.epoch, Offset: c.head.offset}
}
