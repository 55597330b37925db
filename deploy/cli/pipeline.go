package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"weir/edge/edgeclient"
)

// A sendFunc hands over a publication, in the manner of edgeclient.Client.PublishAsync: those to one channel are ordered
// as the calls are.
type sendFunc func(context.Context, edgeclient.Publication) (receipt, error)

// A receipt is one that is still to come.
type receipt interface {
	Wait(context.Context) (edgeclient.Receipt, error)
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
)

// A line is one that was handed over.
type line struct {
	number  int // from 1 on
	receipt receipt
}

// publishLines publishes each line of in, many at once but in order, and prints the receipts in that order. It ends with
// the first failure; lines after it that were under way may have been published.
func publishLines(
	ctx context.Context, send sendFunc, template edgeclient.Publication, in io.Reader, print func(edgeclient.Receipt) error,
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := make(chan line, linesInFlight)
	var readErr error // set before lines is closed
	// The reader may be stuck in a read when this returns; then the process is about to end.
	go func() {
		defer close(lines)
		readErr = handOver(ctx, send, template, in, lines)
	}()
	for {
		select {
		case l, more := <-lines:
			if !more {
				return readErr
			}
			receipt, err := l.receipt.Wait(ctx)
			if err != nil {
				return fmt.Errorf("line %d: %w", l.number, err)
			}
			if err := print(receipt); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// handOver reads lines and hands them over.
func handOver(ctx context.Context, send sendFunc, template edgeclient.Publication, in io.Reader, lines chan<- line) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, maxLine)
	number := 0
	for scanner.Scan() {
		number++
		pending, err := send(ctx, carrying(template, bytes.Clone(scanner.Bytes())))
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		select {
		case lines <- line{number, pending}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d is longer than %s", number+1, byteSize(maxLine))
	}
	return scanner.Err()
}
