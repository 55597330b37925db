package edgeclient

import (
	"context"
	"errors"
	"sync"
	"time"
)

// raceDelay is how long a transport has before the next one is tried beside it.
const raceDelay = 500 * time.Millisecond

// dialTimeout bounds an attempt at all transports.
const dialTimeout = 15 * time.Second

// dialFunc opens a link over one transport.
type dialFunc func(ctx context.Context, transport string) (link, error)

// race dials one transport after another, the next one raceDelay after the one before or at once when that failed, and
// returns the first link that stands. The others are closed. losers counts the goroutines that see to that.
func race(ctx context.Context, transports []string, dial dialFunc, losers *sync.WaitGroup) (link, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, errors.New("no transport stood in time"))
	results := make(chan dialed, len(transports))
	next, running := 0, 0
	launch := func() {
		transport := transports[next]
		next++
		running++
		go func() {
			l, err := dial(ctx, transport)
			results <- dialed{l, err}
		}()
	}
	finish := func() {
		cancel()
		left := running
		losers.Go(func() {
			for range left {
				if late := <-results; late.err == nil {
					late.link.close()
				}
			}
		})
	}
	defer func() { finish() }()

	launch()
	delay := time.NewTimer(raceDelay)
	defer delay.Stop()
	var errs []error
	for {
		select {
		case <-delay.C:
		case r := <-results:
			running--
			if r.err == nil {
				return r.link, nil
			}
			errs = append(errs, r.err)
			if running == 0 && (next == len(transports) || ctx.Err() != nil) {
				return nil, errors.Join(errs...)
			}
		}
		if next < len(transports) && ctx.Err() == nil {
			launch()
			delay.Reset(raceDelay)
		}
	}
}

type dialed struct {
	link link
	err  error
}
