package cli

import (
	"context"
	"fmt"
	"io"
	"time"
)

// A stallReader gives up on a stream that brings nothing for a while.
type stallReader struct {
	from     io.Reader
	patience time.Duration
	timer    *time.Timer
}

// newStallReader calls giveUp, which is to have reads fail, once nothing has come for as long as patience, from now on: from may be
// set later. stop ends it.
func newStallReader(from io.Reader, patience time.Duration, giveUp func(error)) (r *stallReader, stop func()) {
	r = &stallReader{from: from, patience: patience}
	r.timer = time.AfterFunc(patience, func() { giveUp(fmt.Errorf("nothing has come for %v: %w", patience, context.DeadlineExceeded)) })
	return r, func() { r.timer.Stop() }
}

// Read reads what comes.
func (r *stallReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if n > 0 {
		r.timer.Reset(r.patience)
	}
	return n, err
}
