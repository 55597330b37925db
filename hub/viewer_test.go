package hub

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"weir/proto/weirpb"
)

var errEnough = errors.New("enough")

// A viewer is what an edge does with a feed.
type viewer struct {
	t    *testing.T
	mu   sync.Mutex
	more chan struct{}

	described []*weirpb.Channel
	cursor    *weirpb.Cursor
	offsets   []uint64
	ephemeral int
	view      map[string]string
	snapshots int
	// hold, if set, is waited for in each delivery, which says so in blocked.
	hold    chan struct{}
	blocked chan struct{}
}

func newViewer(t *testing.T) *viewer {
	return &viewer{t: t, more: make(chan struct{}, 1), blocked: make(chan struct{}, 1), view: map[string]string{}}
}

func (v *viewer) deliver(b *weirpb.FeedBatch) error {
	v.mu.Lock()
	hold := v.hold
	v.mu.Unlock()
	if hold != nil {
		select {
		case v.blocked <- struct{}{}:
		default:
		}
		<-hold
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.take(b)
	select {
	case v.more <- struct{}{}:
	default:
	}
	return nil
}

func (v *viewer) take(b *weirpb.FeedBatch) {
	if c := b.GetChannel(); c != nil {
		v.described = append(v.described, c)
		if b.GetSnapshot() {
			v.view = map[string]string{}
		}
	}
	if b.GetCursor() == nil {
		v.t.Error("a batch has no cursor")
	}
	for _, e := range b.GetEvents() {
		switch {
		case b.GetSnapshot():
			v.view[e.GetKey()] = string(e.GetPayload())
			continue
		case e.GetOffset() == 0:
			v.ephemeral++
			continue
		case v.cursor != nil && b.GetChannel() == nil && e.GetOffset() <= v.cursor.GetOffset():
			v.t.Errorf("event %d comes after cursor %d", e.GetOffset(), v.cursor.GetOffset())
		}
		v.offsets = append(v.offsets, e.GetOffset())
		if e.GetTombstone() {
			delete(v.view, e.GetKey())
		} else if e.GetKey() != "" {
			v.view[e.GetKey()] = string(e.GetPayload())
		}
	}
	if b.GetSnapshotEnd() {
		v.snapshots++
	}
	v.cursor = b.GetCursor()
}

// until waits until something holds of the viewer.
func (v *viewer) until(what string, holds func() bool) {
	v.t.Helper()
	deadline := time.After(patience)
	for {
		v.mu.Lock()
		ok := holds()
		v.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-v.more:
		case <-deadline:
			v.t.Fatalf("waited in vain for: %s; described %d times, cursor %v, %d offsets", what, len(v.described), v.cursor, len(v.offsets))
		}
	}
}

// follow follows until the test calls stop, which returns why it ended.
func follow(t *testing.T, h *Hub, channel string, from *weirpb.Cursor, v *viewer) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Follow(ctx, "acme", channel, from, v.deliver) }()
	stop = sync.OnceValue(func() error {
		cancel(errEnough)
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			t.Error("the feed does not end")
			return nil
		}
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}
