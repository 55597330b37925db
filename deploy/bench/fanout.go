package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"weir/deploy/bench/internal/process"
	"weir/deploy/bench/internal/report"
	"weir/deploy/internal/load"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

const (
	fanoutSessions = 1000
	fanoutEvents   = 200
	fanoutPayload  = 200 // bytes
	fanoutEvery    = 20 * time.Millisecond
	fanoutChannel  = "chat:bench"
)

// fanoutSuite measures what a delivery costs the server's processor: one event each 20 ms to 1,000 subscribers, beside a
// loop that does nothing but write the same bytes to the same number of sessions.
func fanoutSuite(ctx context.Context, e *env) ([]report.Figure, error) {
	ours, err := e.median(func() (float64, error) { return fanoutWeir(ctx, e) })
	if err != nil {
		return nil, err
	}
	rival, err := e.median(func() (float64, error) { return fanoutRaw(ctx) })
	if err != nil {
		return nil, err
	}
	return []report.Figure{
		report.Figure{Name: "1,000 subscribers, 200 bytes", Unit: "deliveries/CPU-s", Ours: ours}.Against("raw WebTransport write loop", rival),
	}, nil
}

func fanoutWeir(ctx context.Context, e *env) (float64, error) {
	w, err := process.StartWeir(ctx, e.binary)
	if err != nil {
		return 0, err
	}
	defer w.Stop()
	d, err := load.NewDialer()
	if err != nil {
		return 0, err
	}
	defer d.Close()
	var delivered atomic.Int64
	err = openMany(ctx, fanoutSessions, func(ctx context.Context) error { return subscribe(ctx, d, w, &delivered) })
	if err != nil {
		return 0, err
	}
	publisher, err := d.Open(ctx, w.Listen, w.Token)
	if err != nil {
		return 0, err
	}
	go publisher.Drain()
	return perCPUSecond(ctx, w.Process, &delivered, 1, func() error { return publishMany(ctx, publisher) })
}

// subscribe opens a session that counts the items it is sent.
func subscribe(ctx context.Context, d *load.Dialer, w *process.Weir, delivered *atomic.Int64) error {
	s, err := d.Open(ctx, w.Listen, w.Token)
	if err != nil {
		return err
	}
	if err := s.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: fanoutChannel}); err != nil {
		return err
	}
	t, body, err := s.Reply()
	if err != nil || t != frame.Subscribed {
		return fmt.Errorf("%s %q instead of SUBSCRIBED: %w", t, body, err)
	}
	batches, err := s.Batches(ctx)
	if err != nil {
		return err
	}
	go s.Drain()
	go func() {
		var batch weirpb.Batch
		for {
			t, body, err := batches.Next()
			if err != nil || t != frame.Batch || frame.Decode(body, &batch) != nil {
				return
			}
			delivered.Add(int64(len(batch.GetItems())))
			batch.Reset()
		}
	}()
	return nil
}

func publishMany(ctx context.Context, s *load.Session) error {
	payload := make([]byte, fanoutPayload)
	tick := time.NewTicker(fanoutEvery)
	defer tick.Stop()
	for i := range fanoutEvents {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		publication := &weirpb.Publication{Channel: fanoutChannel, Payload: payload, Sequence: uint64(i + 1)}
		if err := s.Send(frame.Publish, &weirpb.Publish{Request: uint32(i + 1), Publication: publication}); err != nil {
			return err
		}
	}
	return nil
}

func fanoutRaw(ctx context.Context) (float64, error) {
	r, err := process.StartRaw()
	if err != nil {
		return 0, err
	}
	defer r.Stop()
	d, err := load.NewDialer()
	if err != nil {
		return 0, err
	}
	defer d.Close()
	var bytes atomic.Int64
	err = openMany(ctx, fanoutSessions, func(ctx context.Context) error {
		_, err := d.Follow(ctx, r.Listen, func(n int) { bytes.Add(int64(n)) })
		return err
	})
	if err != nil {
		return 0, err
	}
	bytes.Store(0)
	return perCPUSecond(ctx, r.Process, &bytes, fanoutPayload, func() error { return r.Send(fanoutEvents, fanoutPayload, fanoutEvery) })
}

// perCPUSecond runs send, waits until all sessions have all of it, counted in units of a delivery, and returns the
// deliveries for each second of the server's processor time.
func perCPUSecond(ctx context.Context, p *process.Process, counted *atomic.Int64, unit int64, send func() error) (float64, error) {
	before, err := p.CPU()
	if err != nil {
		return 0, err
	}
	if err := send(); err != nil {
		return 0, err
	}
	const want = fanoutSessions * fanoutEvents
	deadline := time.Now().Add(time.Minute)
	for counted.Load() < want*unit {
		if time.Now().After(deadline) {
			return 0, fmt.Errorf("%d of %d deliveries after a minute", counted.Load()/unit, want)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	after, err := p.CPU()
	if err != nil {
		return 0, err
	}
	return want / (after - before).Seconds(), nil
}
