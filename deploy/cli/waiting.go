package cli

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// noticeAfter is after how long people are told what a command waits for, noticeAgain how often from then on.
	noticeAfter = time.Second
	noticeAgain = 10 * time.Second
)

// noticesKey is under which a context has the io.Writer that takes notices.
type noticesKey struct{}

// withNotices returns a context whose commands tell w what they wait for.
func withNotices(ctx context.Context, w io.Writer) context.Context {
	return context.WithValue(ctx, noticesKey{}, w)
}

// A notice is what people are told while something takes long.
type notice struct {
	out   io.Writer
	began time.Time
	what  func() string

	mu    sync.Mutex
	over  bool
	timer *time.Timer // guarded by mu
}

// whileWaiting has people told what a command waits for, as long as that takes, until stop is called. It costs nothing worth
// mentioning if that is soon.
func whileWaiting(ctx context.Context, what func() string) (stop func()) {
	out, ok := ctx.Value(noticesKey{}).(io.Writer)
	if !ok {
		return func() {}
	}
	n := &notice{out: out, began: time.Now(), what: what}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.timer = time.AfterFunc(noticeAfter, n.tell)
	return n.stop
}

func (n *notice) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.over {
		return
	}
	fmt.Fprintf(n.out, "waiting (%s): %s\n", time.Since(n.began).Round(time.Second), n.what())
	n.timer.Reset(noticeAgain)
}

func (n *notice) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.over = true
	n.timer.Stop()
}

// outlive returns a context that ends a while after ctx has: what is under way when a signal comes may end well, for a
// moment.
func outlive(ctx context.Context, while time.Duration) (late context.Context, stop context.CancelFunc) {
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	forget := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(while, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(late, func() { timer.Stop() })
	})
	return late, func() {
		forget()
		cancel(nil)
	}
}
