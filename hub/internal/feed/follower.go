package feed

import (
	"weir/hub/internal/shard"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// page bounds what one batch of stored events has.
var page = shard.Page{Count: 1024, Bytes: 256 << 10}

// A Channel is what a Follower follows.
type Channel struct {
	ID     shard.ChannelID
	Reader shard.Reader
	Tail   *Tail
	// State is whether it is a state channel.
	State bool
	// Describe makes the channel's description of its row.
	Describe func(*logpb.ChannelRow) *weirpb.Channel
	// CaughtUp is told how many events are delivered from the store.
	CaughtUp func(events int)
}

// A Follower decides what one who follows a channel is given next. It waits for nothing and has no clock; it belongs to
// one goroutine.
type Follower struct {
	channel Channel
	// send takes each batch. An error ends what the Follower is at.
	send   func(*weirpb.FeedBatch) error
	epoch  uint64
	cursor Cursor
}

// NewFollower returns a Follower that hands its batches to send, one call at a time.
func NewFollower(c Channel, send func(*weirpb.FeedBatch) error) *Follower {
	return &Follower{channel: c, send: send}
}

// Begin delivers what comes before new events: the channel's description, which goes on after from where the window
// allows, and else, on a state channel, a snapshot.
func (f *Follower) Begin(from *weirpb.Cursor) error {
	row, err := f.channel.Reader.Channel(f.channel.ID)
	if err != nil {
		return err
	}
	c := f.channel.Describe(row)
	if from == nil || !continues(c, from) {
		return f.describe()
	}
	f.at(c, from.GetOffset())
	return f.deliver(&weirpb.FeedBatch{Channel: c})
}

// continues reports whether the window has all that comes after a cursor.
func continues(c *weirpb.Channel, from *weirpb.Cursor) bool {
	return (from.GetEpoch() == c.GetEpoch() || from.GetEpoch() == 0) &&
		from.GetOffset()+1 >= c.GetFirstOffset() && from.GetOffset() < c.GetNextOffset()
}

// Step delivers the next batch, if there is one. It returns what is closed when there may be more, nil if there may be
// already. The error is why the Follower has to go.
func (f *Follower) Step() (wait <-chan struct{}, err error) {
	next, err := f.channel.Tail.Next(&f.cursor)
	switch {
	case err != nil:
		return nil, err
	case next.Behind:
		return nil, f.catchUp()
	case len(next.Events) > 0:
		return nil, f.deliver(&weirpb.FeedBatch{Events: next.Events})
	}
	return next.Wait, nil
}

// at sets where the follower stands.
func (f *Follower) at(c *weirpb.Channel, offset uint64) {
	f.epoch = c.GetEpoch()
	f.channel.Tail.Known(c.GetNextOffset() - 1)
	f.cursor = f.channel.Tail.Begin(offset)
}

// describe begins at the channel's end, on a state channel with a snapshot.
func (f *Follower) describe() error {
	if f.channel.State {
		return f.snapshot()
	}
	row, err := f.channel.Reader.Channel(f.channel.ID)
	if err != nil {
		return err
	}
	c := f.channel.Describe(row)
	f.at(c, c.GetNextOffset()-1)
	return f.deliver(&weirpb.FeedBatch{Channel: c})
}

func (f *Follower) snapshot() error {
	var c *weirpb.Channel
	return f.channel.Reader.Snapshot(f.channel.ID, page,
		func(row *logpb.ChannelRow) error {
			c = f.channel.Describe(row)
			f.at(c, c.GetNextOffset()-1)
			return nil
		},
		func(events []*weirpb.Event, last bool) error {
			b := &weirpb.FeedBatch{Channel: c, Snapshot: true, SnapshotEnd: last, Events: events}
			c = nil // only the first batch describes
			return f.deliver(b)
		})
}

// deliver hands over a batch with the cursor at which the follower stands.
func (f *Follower) deliver(b *weirpb.FeedBatch) error {
	b.Cursor = &weirpb.Cursor{Epoch: f.epoch, Offset: f.cursor.Offset}
	return f.send(b)
}

// catchUp delivers what the tail no longer has; where the window no longer has it either, the channel is described anew.
func (f *Follower) catchUp() error {
	row, events, err := f.channel.Reader.Events(f.channel.ID, f.cursor.Offset, page)
	if err != nil {
		return err
	}
	if len(events) == 0 || row.GetWindow().GetFirstOffset() > f.cursor.Offset+1 || row.GetEpoch() != f.epoch {
		return f.describe()
	}
	f.cursor.Offset = events[len(events)-1].GetOffset()
	f.channel.CaughtUp(len(events))
	return f.deliver(&weirpb.FeedBatch{Events: events})
}
