package transport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/proto/frame"
)

// errClosed is the cause of a connection's context after Close.
var errClosed = errors.New("the connection was closed by the session")

// base is what connections of either transport have in common.
type base struct {
	transport string
	remote    netip.AddrPort
	origin    string
	ticket    *ticket
	sent      prometheus.Counter
	received  prometheus.Counter

	ctx    context.Context
	cancel context.CancelCauseFunc // with what ended the connection

	closing  sync.Once
	closed   atomic.Bool // Close has been called
	closeErr error       // set within closing
}

func (b *base) Transport() string          { return b.transport }
func (b *base) RemoteAddr() netip.AddrPort { return b.remote }
func (b *base) Origin() string             { return b.origin }

// proved notes that the session has raised the read limit: the client is authenticated.
func (b *base) proved(limit int) {
	if limit > frame.MaxHello {
		b.ticket.prove()
	}
}

// past is a deadline that ends reads at once.
func past() time.Time { return time.Unix(1, 0) }

// interruptible runs read, which ends early once ctx ends and interrupt has been called. The connection's own context
// interrupts for itself, so the usual case costs nothing.
func (b *base) interruptible(ctx context.Context, interrupt func(), read func() error) error {
	if ctx != b.ctx && ctx.Done() != nil {
		defer context.AfterFunc(ctx, interrupt)()
	}
	err := read()
	if err == nil {
		return nil
	}
	switch {
	case b.closed.Load():
		return net.ErrClosed
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		return context.Cause(b.ctx)
	}
}

// conn is what the server needs of a connection beyond Conn.
type conn interface {
	Conn
	common() *base
}

func (b *base) common() *base { return b }

// closeWith runs how once, for the first call, with the connection's context ended.
func (b *base) closeWith(how func() error) error {
	b.closing.Do(func() {
		b.closed.Store(true)
		b.cancel(errClosed)
		b.closeErr = how()
	})
	return b.closeErr
}
