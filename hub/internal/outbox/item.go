package outbox

import (
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// An Item is a publication.
type Item struct {
	Tenant, Channel string
	// Producer and Again say whether it may be sent twice: Again is set if it has a producer and a sequence, by which the
	// hub recognises it.
	Producer string
	Again    bool
	// Size is what it counts for in the bounds, in bytes.
	Size     int
	Deadline time.Time

	// What follows is the caller's; a Box passes it on.
	Body        []byte
	Publication *weirpb.Publication
	Done        func(*weirpb.Receipt, error)

	entry entry
}

// A Session names a connection to a node. Each new connection has another number; 0 is none.
type Session uint64

// A Settled is an item that has left the box, with what its sender is to be told: Receipt, or Fault.
type Settled struct {
	Item    *Item
	Receipt *weirpb.Receipt
	Fault   *fault.Fault
}

// A Send is one attempt at an item. The answer to it carries the attempt's number, which no other attempt has.
type Send struct {
	Attempt uint64
	Item    *Item
	// Term is the one in which the node is believed to lead. It must refuse the item unless it leads in that very term: what
	// is long on its way must not arrive after the node has lost the lead and won it again, and overtake what others took
	// in between.
	Term uint64
	// Again is whether there was an attempt before.
	Again bool
}

// Effects are what a Box asks for. The caller owns the slices.
type Effects struct {
	Settled []Settled
	// Wake lists sessions for which Take has something.
	Wake []Session
}

// Limits bound what a Box holds. Beyond them an item is refused as busy.
type Limits struct {
	Items, Bytes int
	// LaneItems and LaneBytes bound what waits for one shard, so that one without a leader leaves room for the others.
	LaneItems, LaneBytes int
}
