package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"weir/edge/edgeclient"
)

// A sendFunc hands over a publication, in the manner of edgeclient.Client.PublishAsync: those to one channel are ordered
// as the calls are.
type sendFunc func(context.Context, edgeclient.Publication) (receipt, error)

// A receipt is one that is still to come.
type receipt interface {
	Wait(context.Context) (edgeclient.Receipt, error)
	Identity() (producer string, sequence uint64, open bool)
}

// sendTo returns what hands publications over to client.
func sendTo(client *edgeclient.Client) sendFunc {
	return func(ctx context.Context, p edgeclient.Publication) (receipt, error) {
		return client.PublishAsync(ctx, p)
	}
}

const (
	// linesInFlight is how many lines may wait for their receipt: what an edge lets one session have.
	linesInFlight = 256
	// maxLine is the longest line that is read, in bytes: more than any namespace takes, so that the server says which
	// limit holds.
	maxLine = 1 << 20
	// lastMoment is how long what is under way may still take when a signal has come.
	lastMoment = 400 * time.Millisecond
)

var errNoAnswer = errors.New("no answer in time")

// A pipeline publishes lines, many at once but in order.
type pipeline struct {
	send     sendFunc
	template edgeclient.Publication
	print    func(edgeclient.Receipt) error
	// timeout bounds how long each receipt is waited for, once all before it are there. 0: for as long as it takes.
	timeout time.Duration
	// waitsFor says what a receipt that takes long is waited for.
	waitsFor func() string
	// settle ends what publishes. What receipts say of themselves is final then.
	settle func()

	sending sync.Mutex // held while a line is handed over
	stopped bool       // no more lines are handed over; guarded by sending
	lines   chan line
}

// A line is one that was handed over.
type line struct {
	number  int // from 1 on; 0: it is no line but the only publication
	receipt receipt
}

// one publishes a single payload.
func (p *pipeline) one(ctx context.Context, payload []byte) error {
	late, stop := outlive(ctx, lastMoment)
	defer stop()
	pending, err := p.send(ctx, carrying(p.template, payload))
	if err != nil {
		return err
	}
	return p.conclude(ctx, p.take(late, line{0, pending}), 0)
}

// all publishes each line of in, and prints the receipts in that order. It ends with the first failure, or when ctx ends.
// The lines after it that were under way may have been published; the error says which, and how to go on.
func (p *pipeline) all(ctx context.Context, in io.Reader) error {
	late, stop := outlive(ctx, lastMoment)
	defer stop()
	reading, enough := context.WithCancel(ctx)
	defer enough()
	p.lines = make(chan line, linesInFlight)
	room := make(chan struct{}, linesInFlight)
	ended := make(chan error, 1)
	// The reader may be stuck in a read when this returns; then the process is about to end.
	go func() { ended <- p.handOver(reading, in, room) }()
	published := 0
	for {
		var l line
		var last bool
		select {
		case l = <-p.lines:
		case err := <-ended:
			if l, last = p.next(); last {
				return p.conclude(ctx, leftOver{err: err}, published)
			}
			ended <- err
		case <-ctx.Done():
			p.stop()
			if l, last = p.next(); last {
				return p.conclude(ctx, leftOver{err: context.Cause(ctx)}, published)
			}
		}
		if left := p.take(late, l); left.err != nil {
			enough()
			return p.conclude(ctx, left, published)
		}
		published = l.number
		<-room
	}
}

// next returns the next line that was handed over; last is whether there is none.
func (p *pipeline) next() (l line, last bool) {
	select {
	case l = <-p.lines:
		return l, false
	default:
		return l, true
	}
}

// stop has no more lines handed over.
func (p *pipeline) stop() {
	p.sending.Lock()
	defer p.sending.Unlock()
	p.stopped = true
}

// handOver reads lines and hands them over, when there is room.
func (p *pipeline) handOver(ctx context.Context, in io.Reader, room chan<- struct{}) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, maxLine)
	number := 0
	for scanner.Scan() {
		number++
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := p.handOverLine(ctx, number, scanner.Bytes()); err != nil {
			return err
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d is longer than %s", number+1, byteSize(maxLine))
	}
	return scanner.Err()
}

func (p *pipeline) handOverLine(ctx context.Context, number int, text []byte) error {
	p.sending.Lock()
	defer p.sending.Unlock()
	if p.stopped || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	publication := carrying(p.template, bytes.Clone(text))
	if publication.Sequence > 0 {
		publication.Sequence += uint64(number - 1)
	}
	pending, err := p.send(ctx, publication)
	if err != nil {
		return fmt.Errorf("line %d: %w", number, err)
	}
	p.lines <- line{number, pending} // there is room
	return nil
}

// A leftOver is a line whose receipt was not had, or printed, and why.
type leftOver struct {
	line
	err error
}

// take waits for a receipt and prints it.
func (p *pipeline) take(ctx context.Context, l line) (left leftOver) {
	if p.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, p.timeout, errNoAnswer)
		defer cancel()
	}
	defer whileWaiting(ctx, p.waitsFor)()
	receipt, err := l.receipt.Wait(ctx)
	if err == nil {
		if err := p.print(receipt); err != nil {
			return leftOver{err: err}
		}
		return leftOver{}
	}
	return leftOver{l, err}
}
