package session

import (
	"sync"
	"sync/atomic"

	"weir/edge/internal/fanout"
)

// delivery brings batches to the data stream: subscriptions that have something queue up, and its writer gives each a
// turn, until a write is full or nobody waits. So writes grow with load, and nothing waits without.
type delivery struct {
	session *session
	stalled atomic.Int64 // as outbox.stalled
	begin   sync.Once
	wake    chan struct{} // capacity 1

	mu    sync.Mutex
	queue []*fanout.Subscriber // from head on; each at most once, see fanout.Listener
	head  int
}

func (d *delivery) init(s *session) {
	d.session = s
	d.wake = make(chan struct{}, 1)
}

// ready queues a subscription for its turn.
func (d *delivery) ready(s *fanout.Subscriber) {
	d.mu.Lock()
	d.queue = append(d.queue, s)
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// count notes what has been written.
func (d *delivery) count(bytes int) {
	m := d.session.host.cfg.Metrics
	m.BytesOut.WithLabelValues("data").Add(float64(bytes))
	m.TenantBytesOut.WithLabelValues(m.Tenants.Label(d.session.claims.Load().Tenant)).Add(float64(bytes))
}

// next takes the subscription whose turn it is, nil if there is none. The queue's array is kept: at most the session's
// subscriptions stand in it at once, and as many places before head are moved away.
func (d *delivery) next() *fanout.Subscriber {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.head == len(d.queue) {
		return nil
	}
	s := d.queue[d.head]
	d.queue[d.head] = nil
	d.head++
	if d.head == len(d.queue) || d.head > maxSubscriptions {
		n := copy(d.queue, d.queue[d.head:])
		clear(d.queue[n:])
		d.queue, d.head = d.queue[:n], 0
	}
	return s
}

// start starts the writer, with the session's first subscription.
func (d *delivery) start() {
	d.begin.Do(func() { d.session.start(d.run) })
}

// buffers are what batches are assembled in. A session holds one only while it writes.
type buffers struct{ pool sync.Pool }

func (b *buffers) take() *[]byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return buf
	}
	buf := make([]byte, 0, 2*writeBytes)
	return &buf
}

// give takes a buffer back, unless a large event has made it large.
func (b *buffers) give(buf *[]byte) {
	if cap(*buf) > 8*writeBytes {
		return
	}
	*buf = (*buf)[:0]
	b.pool.Put(buf)
}

func (d *delivery) run() {
	for {
		select {
		case <-d.wake:
		case <-d.session.ctx.Done():
			return
		}
		if err := d.flush(); err != nil {
			d.session.end(readFault(err))
			return
		}
	}
}

// flush writes until nobody waits.
func (d *delivery) flush() error {
	s := d.session
	buf := s.host.buffers.take()
	defer s.host.buffers.give(buf)
	for s.ctx.Err() == nil {
		*buf = (*buf)[:0]
		for len(*buf) < writeBytes {
			subscriber := d.next()
			if subscriber == nil {
				break
			}
			*buf = subscriber.Next(*buf, turnBytes)
		}
		if len(*buf) == 0 {
			return nil
		}
		if err := s.timed(&d.stalled, *buf, s.conn.WriteData); err != nil {
			return err
		}
		d.count(len(*buf))
	}
	return nil
}
