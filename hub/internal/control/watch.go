package control

import (
	"context"
	"sort"

	"weir/proto/weirpb"
)

// Watch calls deliver with the whole state, then with each change, one call at a time, until ctx ends or deliver fails; it
// returns why. A watcher that falls too far behind is given the whole state anew. Of changes that are none of a watcher's business
// it is given the index alone, of several in a row the last one's, so that it can tell how far it is.
func (c *Control) Watch(ctx context.Context, deliver func(*weirpb.ControlUpdate) error) error {
	at := uint64(0)
	update, changed := c.everything()
	for {
		if update != nil {
			if err := deliver(update); err != nil {
				return err
			}
			at = update.GetIndex()
		} else {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-changed:
			}
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		update, changed = c.after(at)
	}
}

// Reach waits until the state has the change of an index, or those after it.
func (c *Control) Reach(ctx context.Context, index uint64) error {
	for {
		c.mu.Lock()
		at, changed := c.current.Load().Meta.GetIndex(), c.changed
		c.mu.Unlock()
		if at >= index {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

func (c *Control) everything() (*weirpb.ControlUpdate, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reset(), c.changed
}

// reset requires mu.
func (c *Control) reset() *weirpb.ControlUpdate {
	s := c.current.Load()
	return &weirpb.ControlUpdate{Index: s.Meta.GetIndex(), Reset_: true, Put: s.Records()}
}

// after returns the change that comes after an index, or nil and what is closed when there may be one.
func (c *Control) after(at uint64) (*weirpb.ControlUpdate, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at < c.floor {
		return c.reset(), c.changed
	}
	i := sort.Search(len(c.recent), func(i int) bool { return c.recent[i].GetIndex() > at })
	if i < len(c.recent) {
		return c.recent[i], c.changed
	}
	if index := c.current.Load().Meta.GetIndex(); index > at {
		return &weirpb.ControlUpdate{Index: index}, c.changed
	}
	return nil, c.changed
}
