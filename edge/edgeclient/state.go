package edgeclient

import (
	"errors"
	"fmt"
	"time"
)

// ErrClosed is returned by what is used after Close.
var ErrClosed = errors.New("the client is closed")

// ErrUnsubscribed is returned by a subscription that is read after its Close.
var ErrUnsubscribed = errors.New("the subscription is closed")

// A State is what a client is at.
type State int

const (
	// Connecting for the first time.
	Connecting State = iota
	// Connected: events and publications flow.
	Connected
	// Reconnecting after a session was lost; everything is taken up again when the next one stands.
	Reconnecting
	// Closed for good: by Close, or by an error that trying again would not cure.
	Closed
)

// String returns the state's name.
func (s State) String() string {
	switch s {
	case Connecting:
		return "connecting"
	case Connected:
		return "connected"
	case Reconnecting:
		return "reconnecting"
	case Closed:
		return "closed"
	}
	return fmt.Sprintf("state %d", int(s))
}

// A Status is a state with what belongs to it.
type Status struct {
	State State
	// Transport is WebTransport or WebSocket while connected.
	Transport string
	// Session names the session in the operator's logs, while connected.
	Session string
	// Err is why there is no session, while reconnecting or closed; nil after an orderly Close.
	Err error
	// RetryIn is when the next attempt is made, while reconnecting.
	RetryIn time.Duration
}
