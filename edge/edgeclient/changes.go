package edgeclient

import (
	"context"
	"slices"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// changes are the filters that were asked for and are not in force. At most one change is under way; those asked for
// meanwhile become one, the newest. It is guarded by client.mu.
type changes struct {
	underway, waiting *change
	revision          uint32 // of the change under way, or the last one, in this session
}

// change is a list of filters that is to replace the present one.
type change struct {
	filters []*weirpb.FilterRef
	done    []chan error // each holds room for the outcome
}

// ask adds a change. It returns where its outcome will be.
func (c *changes) ask(filters []*weirpb.FilterRef) <-chan error {
	done := make(chan error, 1)
	if c.waiting == nil {
		c.waiting = new(change)
	}
	c.waiting.filters = filters
	c.waiting.done = append(c.waiting.done, done)
	return done
}

// begin returns the change to send now, with its revision, or nil.
func (c *changes) begin() *change {
	if c.underway != nil || c.waiting == nil {
		return nil
	}
	c.underway, c.waiting = c.waiting, nil
	c.revision++
	return c.underway
}

// again makes the change under way, if there is one, wait to be sent in another session, unless there is a newer one.
func (c *changes) again() {
	c.revision = 0
	if c.underway == nil {
		return
	}
	if c.waiting != nil {
		c.waiting.done = append(c.underway.done, c.waiting.done...)
	} else {
		c.waiting = c.underway
	}
	c.underway = nil
}

// settled ends the change under way.
func (c *changes) settled(err error) *change {
	ended := c.underway
	c.underway = nil
	ended.tell(err)
	return ended
}

// finish ends all.
func (c *changes) finish(err error) {
	for _, ch := range []*change{c.underway, c.waiting} {
		if ch != nil {
			ch.tell(err)
		}
	}
	c.underway, c.waiting = nil, nil
}

func (ch *change) tell(err error) {
	for _, done := range ch.done {
		done <- err
	}
	ch.done = nil
}

// SetFilters replaces the filters, and returns when the server has applied them, or newer ones given meanwhile: on a
// state channel, messages with the difference follow in the queue. If they are refused, the older ones go on holding. If ctx
// ends before, the change goes on.
func (s *Subscription) SetFilters(ctx context.Context, filters ...Filter) error {
	list, err := refs(filters)
	if err != nil {
		return err
	}
	return s.change(ctx, func([]*weirpb.FilterRef) ([]*weirpb.FilterRef, error) { return list, nil })
}

// SetParams gives other params to the only filter, or the first of several. Otherwise as SetFilters.
func (s *Subscription) SetParams(ctx context.Context, params []byte) error {
	return s.change(ctx, func(present []*weirpb.FilterRef) ([]*weirpb.FilterRef, error) {
		if len(present) == 0 {
			return nil, fault.New(fault.InvalidArgument, "the subscription has no filter to give params to")
		}
		list := slices.Clone(present)
		list[0] = &weirpb.FilterRef{Name: list[0].GetName(), Version: list[0].GetVersion(), Params: params}
		return list, checkParams(list[0])
	})
}
