package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"weir/deploy/bench/internal/process"
	"weir/deploy/bench/internal/report"
	"weir/deploy/internal/load"
)

const (
	idleSessions = 1000
	// Memory settles as the collector runs; the server's own forced collection comes at two minutes, too late to wait
	// for, so this is what sessions cost with the garbage of their handshakes.
	idleSettle = 3 * time.Second
)

// idleSuite measures what a session that does nothing costs in memory: resident memory with sessions less that without,
// by session.
func idleSuite(ctx context.Context, e *env) ([]report.Figure, error) {
	ours, err := e.median(func() (float64, error) {
		w, err := process.StartWeir(ctx, e.binary)
		if err != nil {
			return 0, err
		}
		defer w.Stop()
		return perSession(ctx, w.Process, func(ctx context.Context, d *load.Dialer) error {
			s, err := d.Open(ctx, w.Listen, w.Token)
			if err == nil {
				go s.Drain() // ends with the session
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	rival, err := e.median(func() (float64, error) {
		r, err := process.StartRaw()
		if err != nil {
			return 0, err
		}
		defer r.Stop()
		return perSession(ctx, r.Process, func(ctx context.Context, d *load.Dialer) error {
			_, err := d.Follow(ctx, r.Listen, func(int) {})
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return []report.Figure{
		report.Figure{Name: "memory of an idle WebTransport session", Unit: "KiB", Ours: ours}.Against("bare webtransport-go", rival),
	}, nil
}

func perSession(ctx context.Context, p *process.Process, open func(context.Context, *load.Dialer) error) (float64, error) {
	before, err := p.RSS()
	if err != nil {
		return 0, err
	}
	d, err := load.NewDialer()
	if err != nil {
		return 0, err
	}
	defer d.Close()
	if err := openMany(ctx, idleSessions, func(ctx context.Context) error { return open(ctx, d) }); err != nil {
		return 0, err
	}
	select {
	case <-time.After(idleSettle):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	after, err := p.RSS()
	return float64(after-before) / idleSessions / 1024, err
}

// openMany opens n sessions one after another, each within ten seconds.
func openMany(ctx context.Context, n int, open func(context.Context) error) error {
	for i := range n {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := open(ctx)
		cancel()
		if err != nil {
			return fmt.Errorf("session %d of %d: %w", i+1, n, err)
		}
		if (i+1)%500 == 0 {
			fmt.Fprintf(os.Stderr, "  %d sessions\n", i+1)
		}
	}
	return nil
}
