package sieve

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// failureLogInterval is how often a failing filter may fill a line of the log; the metric counts every failure.
const failureLogInterval = 10 * time.Second

// A failureLog counts failures and logs some.
type failureLog struct {
	log     *slog.Logger
	says    string
	counter prometheus.Counter // nil: they are counted elsewhere

	next   atomic.Int64 // when the next line may be logged, nanoseconds since the Unix epoch
	silent atomic.Int64 // failures since the last line
}

func (l *failureLog) record(now time.Time, err error) {
	if l.counter != nil {
		l.counter.Inc()
	}
	l.silent.Add(1)
	next := l.next.Load()
	if now.UnixNano() < next || !l.next.CompareAndSwap(next, now.Add(failureLogInterval).UnixNano()) {
		return
	}
	l.log.Warn(l.says, "failures", l.silent.Swap(0), "err", err)
}
