package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"weir/deploy/bench/internal/process"
	"weir/deploy/bench/internal/report"
	"weir/deploy/internal/load"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

const (
	commitEvents  = 2000
	commitPayload = 200 // bytes
	commitChannel = "chat:commit"
)

// latencies are samples in microseconds.
type latencies struct{ ack, browser []float64 }

// commitSuite measures how long a publication takes, one at a time: until its durable ack, and until a subscriber's
// process has read it; beside what the disk takes to append and fsync the same bytes.
func commitSuite(ctx context.Context, e *env) ([]report.Figure, error) {
	var ours latencies
	var disk []float64
	for range e.runs {
		l, err := publishOneByOne(ctx, e)
		if err != nil {
			return nil, err
		}
		ours.ack, ours.browser = append(ours.ack, l.ack...), append(ours.browser, l.browser...)
		d, err := fsyncOneByOne()
		if err != nil {
			return nil, err
		}
		disk = append(disk, d...)
	}
	const rival = "append and fsync a file"
	var figures []report.Figure
	for _, q := range []struct {
		name  string
		share float64
	}{{"median", 0.5}, {"p99", 0.99}} {
		bare := report.Quantile(disk, q.share)
		figures = append(figures,
			report.Figure{Name: "publish to durable ack, " + q.name, Unit: "µs", Ours: report.Quantile(ours.ack, q.share)}.Against(rival, bare),
			report.Figure{Name: "publish to subscriber, " + q.name, Unit: "µs", Ours: report.Quantile(ours.browser, q.share)}.Against(rival, bare))
	}
	return figures, nil
}

func publishOneByOne(ctx context.Context, e *env) (latencies, error) {
	w, err := process.StartWeir(ctx, e.binary)
	if err != nil {
		return latencies{}, err
	}
	defer w.Stop()
	d, err := load.NewDialer()
	if err != nil {
		return latencies{}, err
	}
	defer d.Close()
	publisher, err := d.Open(ctx, w.Listen, w.Token)
	if err != nil {
		return latencies{}, err
	}
	subscriber, err := d.Open(ctx, w.Listen, w.Token)
	if err != nil {
		return latencies{}, err
	}
	if err := subscriber.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: commitChannel}); err != nil {
		return latencies{}, err
	}
	if t, body, err := subscriber.Reply(); err != nil || t != frame.Subscribed {
		return latencies{}, fmt.Errorf("%s %q instead of SUBSCRIBED: %w", t, body, err)
	}
	batches, err := subscriber.Batches(ctx)
	if err != nil {
		return latencies{}, err
	}
	go subscriber.Drain()
	return measureOneByOne(publisher, batches)
}

func measureOneByOne(publisher *load.Session, batches *frame.Reader) (latencies, error) {
	var l latencies
	payload := make([]byte, commitPayload)
	for i := range commitEvents {
		start := time.Now()
		publication := &weirpb.Publication{Channel: commitChannel, Payload: payload, Sequence: uint64(i + 1)}
		if err := publisher.Send(frame.Publish, &weirpb.Publish{Request: uint32(i + 1), Publication: publication}); err != nil {
			return l, err
		}
		arrived := make(chan error, 1)
		go func() { arrived <- awaitItem(batches) }()
		t, body, err := publisher.Reply()
		if err != nil || t != frame.Published {
			return l, fmt.Errorf("%s %q instead of PUBLISHED: %w", t, body, err)
		}
		l.ack = append(l.ack, micros(start))
		if err := <-arrived; err != nil {
			return l, err
		}
		l.browser = append(l.browser, micros(start))
	}
	return l, nil
}

// awaitItem reads batches until one has an item.
func awaitItem(batches *frame.Reader) error {
	for {
		_, body, err := batches.Next()
		if err != nil {
			return err
		}
		var batch weirpb.Batch
		if err := frame.Decode(body, &batch); err != nil {
			return err
		}
		if len(batch.GetItems()) > 0 {
			return nil
		}
	}
}

func fsyncOneByOne() ([]float64, error) {
	file, err := os.CreateTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	var samples []float64
	payload := make([]byte, commitPayload)
	for range commitEvents {
		start := time.Now()
		if _, err := file.Write(payload); err != nil {
			return nil, err
		}
		if err := file.Sync(); err != nil {
			return nil, err
		}
		samples = append(samples, micros(start))
	}
	return samples, nil
}

func micros(since time.Time) float64 { return float64(time.Since(since).Nanoseconds()) / 1000 }
