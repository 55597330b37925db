package simnet

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// window is how much may be on its way in one direction of a stream, in bytes, before writes wait.
const window = 1 << 20

// A flow is one direction of a stream.
type flow struct {
	net *Network
	way way

	mu      sync.Mutex
	buf     []byte // guarded by mu
	ended   bool   // by either side; guarded by mu
	changed chan struct{}
}

// change applies f and wakes who waits.
func (f *flow) change(apply func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	apply()
	close(f.changed)
	f.changed = make(chan struct{})
}

// try moves bytes with move, which returns how many, or says whether the flow has ended.
func (f *flow) try(move func() int) (n int, ended bool, changed <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n = move(); n > 0 {
		close(f.changed)
		f.changed = make(chan struct{})
	}
	return n, f.ended, f.changed
}

// A conn is one side of a stream.
type conn struct {
	in, out        *flow
	reads, writes  *deadline
	local, foreign address
}

func (n *Network) pipe(a, b string) (here, there net.Conn) {
	ab, ba := n.flow(a, b), n.flow(b, a)
	return &conn{in: ba, out: ab, reads: newDeadline(), writes: newDeadline(), local: address(a), foreign: address(b)},
		&conn{in: ab, out: ba, reads: newDeadline(), writes: newDeadline(), local: address(b), foreign: address(a)}
}

func (n *Network) flow(from, to string) *flow {
	return &flow{net: n, way: way{from, to}, changed: make(chan struct{})}
}

// Read waits for bytes, and while the way is cut.
func (c *conn) Read(p []byte) (int, error) {
	for {
		open, healed := c.in.net.passes(c.in.way)
		n, ended, changed := c.in.try(func() int {
			if !open {
				return 0
			}
			n := copy(p, c.in.buf)
			c.in.buf = c.in.buf[n:]
			return n
		})
		switch {
		case n > 0 || len(p) == 0:
			return n, nil
		case ended && open:
			return 0, io.EOF
		}
		if err := c.reads.wait(changed, healed); err != nil {
			return 0, err
		}
	}
}

// Write waits for room.
func (c *conn) Write(p []byte) (written int, err error) {
	for written < len(p) {
		n, ended, changed := c.out.try(func() int {
			if c.out.ended {
				return 0
			}
			n := min(window-len(c.out.buf), len(p)-written)
			c.out.buf = append(c.out.buf, p[written:written+n]...)
			return n
		})
		written += n
		if ended {
			return written, io.ErrClosedPipe
		}
		if n > 0 {
			continue
		}
		if err := c.writes.wait(changed, nil); err != nil {
			return written, err
		}
	}
	return written, nil
}

// Close ends both directions. The other side reads what had been written.
func (c *conn) Close() error {
	c.in.change(func() { c.in.ended, c.in.buf = true, nil })
	c.out.change(func() { c.out.ended = true })
	c.reads.set(time.Unix(0, 1))
	c.writes.set(time.Unix(0, 1))
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.foreign }

// SetDeadline sets both.
func (c *conn) SetDeadline(t time.Time) error {
	c.reads.set(t)
	c.writes.set(t)
	return nil
}

// SetReadDeadline ends reads at t.
func (c *conn) SetReadDeadline(t time.Time) error { c.reads.set(t); return nil }

// SetWriteDeadline ends writes at t.
func (c *conn) SetWriteDeadline(t time.Time) error { c.writes.set(t); return nil }

// A deadline is a time that may change while it is waited for.
type deadline struct {
	mu      sync.Mutex
	at      time.Time // guarded by mu
	changed chan struct{}
}

func newDeadline() *deadline { return &deadline{changed: make(chan struct{})} }

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = t
	close(d.changed)
	d.changed = make(chan struct{})
}

// wait waits until a or b is closed or the deadline changes. It fails when that has passed.
func (d *deadline) wait(a, b <-chan struct{}) error {
	d.mu.Lock()
	at, changed := d.at, d.changed
	d.mu.Unlock()
	var passed <-chan time.Time
	if !at.IsZero() {
		left := time.Until(at)
		if left <= 0 {
			return os.ErrDeadlineExceeded
		}
		timer := time.NewTimer(left)
		defer timer.Stop()
		passed = timer.C
	}
	select {
	case <-a:
	case <-b:
	case <-changed:
	case <-passed:
		return os.ErrDeadlineExceeded
	}
	return nil
}
