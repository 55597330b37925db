package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/proto/fault"
)

// conclude ends the publishing and returns what is to be told of it: left is what went wrong, if its err is not nil, after
// so many lines had been published.
func (p *pipeline) conclude(ctx context.Context, left leftOver, published int) error {
	if left.err == nil {
		return nil
	}
	p.stop()
	p.settle()
	o := &outcome{left: left, published: published, timeout: p.timeout, interrupted: ctx.Err() != nil}
	if !o.refused() {
		o.weigh(left.line)
	}
	for l, last := p.next(); !last; l, last = p.next() {
		o.weigh(l)
	}
	return o.failure()
}

// An outcome is what is known when publishing ends too early.
type outcome struct {
	left        leftOver
	published   int // lines
	interrupted bool
	timeout     time.Duration

	// From first to last are lines that may have been published though there is no receipt, if open.
	open        bool
	first, last int
	producer    string
	sequence    uint64 // of the first
}

// refused reports whether somebody has answered, and not with a receipt.
func (o *outcome) refused() bool { return errors.As(o.left.err, new(*fault.Fault)) }

// weigh looks whether a line may have been published.
func (o *outcome) weigh(l line) {
	if l.receipt == nil {
		return
	}
	producer, sequence, open := l.receipt.Identity()
	if !open {
		return
	}
	if !o.open {
		o.open, o.first, o.producer, o.sequence = true, l.number, producer, sequence
	}
	o.last = l.number
}

// failure says what is known, and what can be done.
func (o *outcome) failure() error {
	f := &failure{}
	f.code, f.err = o.why()
	switch {
	case o.open:
		f.err = fmt.Errorf("%w: %s may or may not have been published", f.err, lineNames(o.first, o.last))
		if f.hint = o.advice(); f.code != exitFailed {
			f.code = exitUnknown
		}
	case f.code != exitFailed && o.left.receipt != nil && !o.refused():
		f.err = fmt.Errorf("%w: %s was not published", f.err, lineNames(o.left.number, o.left.number))
	}
	if f.hint == "" && o.published > 0 && !o.refused() {
		f.hint = fmt.Sprintf("lines published before: %d", o.published)
	}
	return f
}

// why returns what has ended the publishing, and the exit code for that alone.
func (o *outcome) why() (code int, err error) {
	err = o.left.err
	switch {
	case o.refused():
		if o.left.receipt == nil {
			return exitFailed, err
		}
		if o.left.number > 0 {
			err = fmt.Errorf("line %d: %w", o.left.number, err)
		}
		if _, _, open := o.left.receipt.Identity(); open {
			return exitUnknown, err
		}
		return exitFailed, err
	case o.interrupted:
		return exitInterrupted, errInterrupted
	case errors.Is(err, errNoAnswer):
		return exitUnknown, fmt.Errorf("no receipt within %s", o.timeout)
	}
	return exitFailed, err
}

// advice says how to repeat what may have been published.
func (o *outcome) advice() string {
	if o.sequence == 0 { // ephemeral: nobody would recognise it
		return ""
	}
	what := "run the same command"
	if o.first > 0 {
		what = fmt.Sprintf("give the lines from %d on to the same command", o.first)
	}
	return fmt.Sprintf("to repeat it without publishing twice, %s with --producer %s --sequence %d, within the namespace's dedupe age (10m by default)",
		what, o.producer, o.sequence)
}

// lineNames names lines; line 0 is the only event.
func lineNames(first, last int) string {
	switch {
	case first == 0:
		return "the event"
	case first == last:
		return fmt.Sprintf("line %d", first)
	}
	return fmt.Sprintf("lines %d to %d", first, last)
}
