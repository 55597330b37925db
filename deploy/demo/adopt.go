package demo

import (
	"context"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// pageSize is how many keys are read at once: the most that a hub gives.
const pageSize = 1000

// adopt reads which keys the hub has from an earlier run. A flight of the table is marked as up, and goes on or lands in
// its next slot; any other key is a stray.
func (f *feed) adopt(ctx context.Context) error {
	index := make(map[string]int, len(f.flights))
	for i := range f.flights {
		index[f.flights[i].key] = i
	}
	known, after := 0, ""
	for {
		page, err := f.page(ctx, after)
		if err != nil {
			return err
		}
		for _, e := range page.GetEvents() {
			after = e.GetKey()
			if i, ok := index[after]; ok {
				f.up[i] = true
				known++
			} else {
				f.strays = append(f.strays, after)
			}
		}
		if !page.GetMore() || len(page.GetEvents()) == 0 {
			f.logAdopted(ctx, known)
			return nil
		}
	}
}

// page reads the keys after one, and waits out a hub that has no leader yet.
func (f *feed) page(ctx context.Context, after string) (*weirpb.StateResponse, error) {
	request := &weirpb.StateRequest{Tenant: f.cfg.Tenant, Channel: Flights, AfterKey: after, Limit: pageSize}
	for wait := firstRetry; ; wait = nextRetry(wait) {
		page, err := f.cfg.Hub.State(ctx, request)
		if err == nil {
			return page, nil
		}
		if !fault.From(err).Code.Retryable() {
			return nil, err
		}
		if err := sleep(ctx, max(wait, fault.From(err).RetryAfter)); err != nil {
			return nil, err
		}
	}
}

// sleep waits for d, or returns why ctx has ended.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
