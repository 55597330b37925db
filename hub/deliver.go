package hub

import "errors"

// A deliverError is what a caller's deliver returned, on its way back to that caller unchanged.
type deliverError struct{ error }

// Unwrap returns the caller's error.
func (e *deliverError) Unwrap() error { return e.error }

func asDeliver(err error, target **deliverError) bool { return errors.As(err, target) }
