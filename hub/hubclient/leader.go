package hubclient

import (
	"context"
	"time"

	"weir/hub/internal/placement"
	"weir/proto/fault"
)

// A target says which group's leader a request is for.
type target func(shards placement.Hashed) placement.Group

func channelOf(tenant, channel string) target {
	return func(shards placement.Hashed) placement.Group { return shards.ShardOf(tenant, channel).Group() }
}

func controlGroup(placement.Hashed) placement.Group { return placement.Control }

// Waits before a request is sent again to a node that leads no longer, or not yet, doubled each time.
const (
	firstWait = 10 * time.Millisecond
	lastWait  = 250 * time.Millisecond
)

// onLeader calls f with the session to a group's leader, and again with the next leader's if f says so, for a while. f is
// given a context that ends, with not_leader, when the group is known to be led by another node.
func (c *Client) onLeader(ctx context.Context, to target, f func(context.Context, *session) (again bool, err error)) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		s, group, changed, err := c.leader(ctx, to, deadline.C)
		if err != nil {
			return err
		}
		again, err := c.pinned(ctx, s, group, f)
		if !again || ctx.Err() != nil {
			return err
		}
		select {
		case <-changed:
		case <-time.After(wait):
		case <-ctx.Done():
			return ended(ctx)
		case <-c.running.Done():
			return errClosed
		case <-deadline.C:
			if fault.CodeOf(err) != fault.NotLeader {
				return err
			}
			return fault.New(fault.Unavailable, "no node of the hub takes the request").
				WithHint("operators: is a majority of the region's hub nodes up?").WithCause(err)
		}
	}
}

// leader waits until it is known who leads, and there is a session. changed is closed when that may no longer be so.
func (c *Client) leader(
	ctx context.Context, to target, deadline <-chan time.Time,
) (s *session, group placement.Group, changed <-chan struct{}, err error) {
	for {
		c.mu.Lock()
		changed, connected := c.changed, c.home != nil
		if shards := c.routes.Shards(); shards > 0 {
			group = to(shards)
			node, _ := c.routes.Leader(group)
			s = c.sessions[node]
		}
		c.mu.Unlock()
		if s != nil {
			return s, group, changed, nil
		}
		if err := c.await(ctx, changed, deadline, connected); err != nil {
			return nil, 0, nil, err
		}
	}
}

// anyNode waits until there is a session to whichever node, always the same while it lasts.
func (c *Client) anyNode(ctx context.Context) (*session, error) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		c.mu.Lock()
		s, changed := c.home, c.changed
		c.mu.Unlock()
		if s != nil {
			return s, nil
		}
		if err := c.await(ctx, changed, deadline.C, false); err != nil {
			return nil, err
		}
	}
}

func (c *Client) await(ctx context.Context, changed <-chan struct{}, deadline <-chan time.Time, connected bool) error {
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	case <-c.running.Done():
		return errClosed
	case <-deadline:
	}
	if connected {
		return fault.New(fault.Unavailable, "the hub has no leader for this channel").
			WithHint("operators: is a majority of the region's hub nodes up?")
	}
	return fault.New(fault.Unavailable, "there is no connection to the hub").
		WithHint("see the log for why; is the hub up, and may its UDP port be reached?")
}

// A pinKey says where a request is answered that must move when the leader does.
type pinKey struct {
	group placement.Group
	node  string
}

// A pin is such a request.
type pin struct {
	move context.CancelCauseFunc
	// left is when it was first seen that another node leads. Zero: none does. Guarded by Client.mu.
	left time.Time
}

// moveAfter is how long a node that no longer leads may take to end a request itself.
const moveAfter = 100 * time.Millisecond

var errMoved = fault.New(fault.NotLeader, "another node leads the channel's shard by now")

// pinned calls f, whose context ends when another node leads the group.
func (c *Client) pinned(
	ctx context.Context, s *session, group placement.Group, f func(context.Context, *session) (bool, error),
) (bool, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	key, p := pinKey{group, s.node}, &pin{move: cancel}
	c.mu.Lock()
	if c.pins[key] == nil {
		c.pins[key] = map[*pin]struct{}{}
	}
	c.pins[key][p] = struct{}{}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if delete(c.pins[key], p); len(c.pins[key]) == 0 {
			delete(c.pins, key)
		}
	}()
	return f(ctx, s)
}

// unpin ends requests at nodes that no longer lead what they are about, and returns when to look again. mu is held.
func (c *Client) unpin(now time.Time) (due time.Time) {
	for key, pins := range c.pins {
		node, _ := c.routes.Leader(key.group)
		moved := node != "" && node != key.node
		for p := range pins {
			switch {
			case !moved:
				p.left = time.Time{}
				continue
			case p.left.IsZero():
				p.left = now
			}
			if end := p.left.Add(moveAfter); now.Before(end) {
				due = sooner(due, end)
			} else {
				p.move(errMoved)
			}
		}
	}
	return due
}
