package ca

import "errors"

// Why a certificate is refused; each Error about one wraps one of these.
var (
	ErrExpired     = errors.New("expired")
	ErrNotYetValid = errors.New("not yet valid")
	ErrAuthority   = errors.New("made by another authority")
	ErrRole        = errors.New("wrong role")
	ErrNode        = errors.New("wrong node")
	ErrMissing     = errors.New("no certificate")
)

// An Error says what is wrong with a certificate or with a folder of them, and what to do about it.
type Error struct {
	Message string
	Hint    string // may be empty
	cause   error  // may be nil
}

// Error has the hint, too: it is mostly read in a log.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + " (" + e.Hint + ")"
}

func (e *Error) Unwrap() error { return e.cause }
