package edgeclient

import (
	"fmt"
	"slices"
	"time"

	"weir/proto/weirpb"
)

// A Type says what a Message tells.
type Type int

const (
	// Event of a log channel.
	Event Type = iota + 1
	// Snapshot is a key of a state channel that the view holds from the start.
	Snapshot
	// Enter is a key that matches now and did not before.
	Enter
	// Update is a key that matched and goes on matching, with a newer event or shown differently.
	Update
	// Leave is a key that no longer matches or is deleted. There is no payload.
	Leave
	// Synced says that a snapshot is complete: the view now holds all keys that match. It comes after each snapshot, at
	// the start and when the server could not go on from what it last sent.
	Synced
	// Gap names events that the subscription will not get. On a state channel a snapshot makes up for them.
	Gap
	// Skip counts events that the filters held back, for subscriptions that ask for it.
	Skip
)

var typeNames = [...]string{
	Event: "event", Snapshot: "snapshot", Enter: "enter", Update: "update", Leave: "leave", Synced: "synced", Gap: "gap", Skip: "skip",
}

// String returns the type's name, as the other clients have it.
func (t Type) String() string {
	if t > 0 && int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type %d", int(t))
}

// A Cursor is a place in a channel: everything up to and including Offset has been accounted for.
type Cursor struct {
	// Epoch changes when the channel's order could not be continued; offsets of different epochs must not be compared.
	Epoch uint64
	// Offset is counted from 1; 0 is before the first event.
	Offset uint64
}

// A Header is a name and a value that travel with an event.
type Header struct{ Name, Value string }

// A Message is what a subscription is told. Its slices must not be changed.
type Message struct {
	Type    Type
	Channel string
	// Cursor is the event's place; Offset 0 for an ephemeral one. For Synced, Gap and Skip: where the subscription stands.
	Cursor Cursor
	// Time is when the hub ordered the event, by its clock, in UTC.
	Time time.Time
	// Key, on a state channel, is what the event is the latest version of.
	Key         string
	Payload     []byte
	ContentType string
	Headers     []Header
	// Deleted is whether a key left because it was deleted, rather than because it no longer matches.
	Deleted bool

	// From and To are the first and last offset of a gap; both 0 where they can't be known.
	From, To uint64
	// Reason is a gap's: "trimmed", "epoch_changed", "too_slow", "filter_failed"; there may be others.
	Reason string
	// Skipped and SkippedBytes are how many events a Skip counts, and the bytes of their payloads.
	Skipped, SkippedBytes uint64
}

// newMessage returns what an event tells.
func newMessage(t Type, channel string, epoch uint64, e *weirpb.Event) Message {
	m := Message{
		Type: t, Channel: channel, Cursor: Cursor{Epoch: epoch, Offset: e.GetOffset()}, Time: time.UnixMilli(e.GetTimeMs()).UTC(),
		Key: e.GetKey(), Payload: e.GetPayload(), ContentType: e.GetContentType(),
	}
	for _, h := range e.GetHeaders() {
		m.Headers = append(m.Headers, Header{h.GetName(), h.GetValue()})
	}
	return m
}

// shows reports whether an application sees the same in both, leaving aside how it is told.
func (m *Message) shows(other *Message) bool {
	return m.Cursor == other.Cursor && m.ContentType == other.ContentType && string(m.Payload) == string(other.Payload) &&
		slices.Equal(m.Headers, other.Headers)
}
