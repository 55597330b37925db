package nemesis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"weir/deploy/internal/region"
	"weir/edge/edgeclient"
)

const (
	// lateBytes are in the windows when a node joins, and lateChannels share them.
	lateBytes    = 2 << 30
	lateChannels = 48
	latePayload  = 60 << 10
	// latePatience is how long a node may take to be sent all that on a machine with three others.
	latePatience = 10 * time.Minute
)

// A node joins a region with 2 GB of windows, and another is replaced, while publishing goes on. It takes minutes and some
// 20 GB of disk, so it is asked for with WEIR_BIG=1.
func TestLateNodes(t *testing.T) {
	if os.Getenv("WEIR_BIG") == "" {
		t.Skip("SKIPPED: 2 GB of windows on four nodes; WEIR_BIG=1 asks for it")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*latePatience)
	defer cancel()
	v := &victim{t: t}
	var err error
	v.Region, err = region.Start(ctx, region.Config{Binary: build(ctx, t), Dir: t.TempDir(), Nodes: 3, Edges: 1})
	v.must(err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(v.Logs())
		}
		v.Stop()
	})
	_, err = v.Admin(ctx, v.Nodes[0], "namespace", "set", "chat", "--tenant", tenant, "--window-age", "24h")
	v.must(err)
	began := time.Now()
	v.must(v.fillWindows(ctx))
	t.Logf("%d MiB in the windows after %v", lateBytes>>20, time.Since(began).Round(time.Second))

	steady := v.publishSteadily(ctx)
	for _, come := range []struct {
		what string
		do   func() error
	}{
		{"joins", func() error { _, err := v.Join(ctx); return err }},
		{"replaces another", func() error { return v.Replace(ctx, 1) }},
	} {
		began := time.Now()
		v.must(come.do())
		waiting, cancel := context.WithTimeout(ctx, latePatience)
		err := v.Nodes[len(v.Nodes)-1].Ready(waiting)
		cancel()
		v.must(err)
		t.Logf("a node that %s has everything and votes after %v; %s", come.what, time.Since(began).Round(time.Second), steady.soFar())
	}
	v.must(steady.end())
}

// fillWindows publishes what the windows are to hold.
func (v *victim) fillWindows(ctx context.Context) error {
	client, err := edgeclient.Dial(ctx, edgeclient.Config{URL: v.Edges[0].URL, Token: v.Token, Insecure: true})
	if err != nil {
		return err
	}
	payload := make([]byte, latePayload)
	if _, err := rand.Read(payload); err != nil {
		return err
	}
	const each = lateBytes / latePayload / lateChannels
	failures := make([]error, lateChannels)
	var all sync.WaitGroup
	for c := range lateChannels {
		all.Go(func() {
			for range each {
				if _, failures[c] = client.Publish(ctx, edgeclient.Publication{Channel: fmt.Sprintf("chat:late-%d", c), Payload: payload}); failures[c] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(append(failures, client.Close())...)
}

// A steadyPublisher publishes small events, one after the other, and knows how long their acks took.
type steadyPublisher struct {
	client *edgeclient.Client
	stop   chan struct{}
	done   chan struct{}

	mu      sync.Mutex
	acks    int           // since soFar; guarded by mu
	slowest time.Duration // since soFar; guarded by mu
	failed  error         // guarded by mu
}

func (v *victim) publishSteadily(ctx context.Context) *steadyPublisher {
	v.t.Helper()
	client, err := edgeclient.Dial(ctx, edgeclient.Config{URL: v.Edges[0].URL, Token: v.Token, Insecure: true})
	v.must(err)
	p := &steadyPublisher{client: client, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for n := uint64(1); ; n++ {
			select {
			case <-p.stop:
				return
			case <-time.After(pace):
			}
			sent := time.Now()
			receipt, err := client.Publish(ctx, edgeclient.Publication{Channel: "chat:steady", Payload: []byte("{}")})
			if err == nil && receipt.Cursor.Offset != n {
				err = fmt.Errorf("event %d is at offset %d", n, receipt.Cursor.Offset)
			}
			p.mu.Lock()
			p.acks, p.slowest, p.failed = p.acks+1, max(p.slowest, time.Since(sent)), errors.Join(p.failed, err)
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

// soFar says how publishing went since it was last asked.
func (p *steadyPublisher) soFar() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	said := fmt.Sprintf("%d acks meanwhile, the slowest after %v", p.acks, p.slowest.Round(time.Millisecond))
	p.acks, p.slowest = 0, 0
	return said
}

func (p *steadyPublisher) end() error {
	close(p.stop)
	<-p.done
	return errors.Join(p.failed, p.client.Close())
}
