// Package weir is what filters in Go are written with: give Serve a Filter in an init function. "weir filter build"
// compiles it with GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared.
//
// A filter is pure functions over bytes: it keeps nothing between calls, and whatever it does keep is wiped at times that
// it can't know. There is no clock, no randomness, no network and no file: what the standard library asks for is answered,
// always in the same way. An init function runs for each instance, so it must not be slow.
package weir

// A Filter decides which events reach whom.
type Filter struct {
	// Prepare checks and parses a subscriber's params, once, and returns whatever Decide wants to have of them, at most
	// 64 KiB. An error refuses the subscription with its text.
	Prepare func(params []byte) ([]byte, error)
	// Decide decides about one event for all groups, with Verdicts.Allow.
	Decide func(event Event, groups Groups, verdicts Verdicts)
	// Keys and Interest tell who may want an event at all. Both return routing keys, of which more than 64 stand for all:
	// Keys those of an event, Interest those that a group wants, given what Prepare returned for it. Where Decide would allow
	// an event to a group, they must have a key in common, or one of them AnyKey; a host may then ask Decide about few groups
	// of many. A filter that has them imports weir/routing too, for effect.
	Keys     func(event Event) []uint64
	Interest func(prepared []byte) []uint64
	// Project returns the payload that a group is shown. A filter that has it imports weir/projection too, for effect.
	Project func(event Event, prepared []byte) ([]byte, error)
}
