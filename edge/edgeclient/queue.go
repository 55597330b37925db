package edgeclient

import (
	"context"
	"sync"
	"time"

	"weir/proto/weirpb"
)

// batchOverhead is what a batch counts for beside its bytes, so that empty ones have a bound too.
const batchOverhead = 256

// queue holds a subscription's batches between the session's reader and the application. It is bounded by bytes; the
// reader waits while it is full, and with it, by flow control, the server.
type queue struct {
	limit int // bytes

	mu      sync.Mutex
	batches []queued      // guarded by mu
	bytes   int           // guarded by mu
	err     error         // why no more will come; guarded by mu
	changed chan struct{} // closed and replaced with each change; guarded by mu
}

type queued struct {
	batch *weirpb.Batch
	bytes int
}

func newQueue(limit int) *queue { return &queue{limit: limit, changed: make(chan struct{})} }

// signal wakes who waits. The caller holds mu.
func (q *queue) signal() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// put appends a batch of some bytes on the wire, and waits for room until patience is over. It returns whether it did: a
// batch always fits into an empty queue, and a queue that is finished takes any, and drops it.
func (q *queue) put(ctx context.Context, batch *weirpb.Batch, bytes int, patience time.Duration) bool {
	bytes += batchOverhead
	var timeout <-chan time.Time
	for {
		q.mu.Lock()
		if q.err != nil {
			q.mu.Unlock()
			return true
		}
		if len(q.batches) == 0 || q.bytes+bytes <= q.limit {
			q.batches = append(q.batches, queued{batch, bytes})
			q.bytes += bytes
			q.signal()
			q.mu.Unlock()
			return true
		}
		changed := q.changed
		q.mu.Unlock()
		if timeout == nil {
			timer := time.NewTimer(patience)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-changed:
		case <-timeout:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// take returns the next batch, and whether it was the last one. It waits for one until ctx ends; when no more will come,
// it returns why.
func (q *queue) take(ctx context.Context) (batch *weirpb.Batch, last bool, err error) {
	for {
		q.mu.Lock()
		if len(q.batches) > 0 {
			first := q.batches[0]
			q.batches[0] = queued{}
			q.batches = q.batches[1:]
			q.bytes -= first.bytes
			last := len(q.batches) == 0
			q.signal()
			q.mu.Unlock()
			return first.batch, last, nil
		}
		err, changed := q.err, q.changed
		q.mu.Unlock()
		if err != nil {
			return nil, false, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
	}
}

// finish says that no more will come, because of err. What is there can still be taken, unless it is to be dropped.
func (q *queue) finish(err error, drop bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
	if drop {
		q.batches, q.bytes = nil, 0
	}
	q.signal()
}
