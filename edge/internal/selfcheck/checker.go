// Package selfcheck repeats a sample of what filters have decided on instances that have never been called. A filter that
// then decides otherwise depends on history, which no filter may; see filters.Filter.Recheck.
package selfcheck

import (
	"context"
	"sync"
	"time"

	"weir/edge/internal/metrics"
	"weir/filters"
)

const (
	// share is how much longer than a check the pause after it is: all checks together take at most 1 % of one CPU.
	share = 99
	// tenantInterval is how often one tenant's filters are checked at most.
	tenantInterval = 250 * time.Millisecond
	// samplesMost bounds the samples that wait, each of which takes the memory of an event and of 64 groups at most, some
	// 200 KB. A sample that finds no room is dropped; its event is not concerned.
	samplesMost = 16
	// tenantsMost bounds the tenants that are remembered to have been checked lately.
	tenantsMost = 1024
)

// A Subject is a filter that is checked.
type Subject interface {
	// Recheck repeats a call and takes note of the outcome. same is false if the filter has decided otherwise; an error
	// says nothing about the filter.
	Recheck(ctx context.Context, s *filters.Sample) (same bool, err error)
}

// A Checker checks. It is safe for concurrent use.
type Checker struct {
	metrics *metrics.Metrics
	ctx     context.Context
	cancel  context.CancelFunc
	task    sync.WaitGroup
	queue   chan check           // has room for all samples
	free    chan *filters.Sample // those that are in no check

	mu   sync.Mutex
	next map[string]time.Time // guarded by mu; by tenant: when it may be checked again
}

type check struct {
	subject Subject
	sample  *filters.Sample
}

// Start returns a Checker, which works until Close.
func Start(m *metrics.Metrics) *Checker {
	c := &Checker{
		metrics: m, queue: make(chan check, samplesMost), free: make(chan *filters.Sample, samplesMost),
		next: make(map[string]time.Time),
	}
	for range samplesMost {
		c.free <- &filters.Sample{}
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.task.Go(c.run)
	return c
}

// Close ends the Checker and waits for it.
func (c *Checker) Close() {
	c.cancel()
	c.task.Wait()
}

// Offer hands over a call of Match that has not failed, see filters.Sample. It does not block, and keeps nothing of what it is
// given.
func (c *Checker) Offer(subject Subject, tenant string, event []byte, set *filters.Set, verdicts filters.Bitmap, turn uint64) {
	if !c.turnOf(tenant, time.Now()) {
		c.count("dropped")
		return
	}
	select {
	case sample := <-c.free:
		sample.Take(event, set, verdicts, turn)
		c.queue <- check{subject, sample}
	default:
		c.count("dropped")
	}
}

// turnOf reports whether a tenant may be checked, which it then may not for a while.
func (c *Checker) turnOf(tenant string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.next[tenant]) {
		return false
	}
	if _, known := c.next[tenant]; !known && len(c.next) >= tenantsMost {
		clear(c.next) // some are checked sooner for once
	}
	c.next[tenant] = now.Add(tenantInterval)
	return true
}

func (c *Checker) run() {
	for {
		select {
		case next := <-c.queue:
			began := time.Now()
			c.check(next)
			c.pause(share * time.Since(began))
		case <-c.ctx.Done():
			return
		}
	}
}

func (c *Checker) check(next check) {
	defer func() { c.free <- next.sample }()
	same, err := next.subject.Recheck(c.ctx, next.sample)
	switch {
	case err != nil:
		c.count("undecided")
	case same:
		c.count("same")
	default:
		c.count("differs")
	}
}

func (c *Checker) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ctx.Done():
	}
}

func (c *Checker) count(result string) { c.metrics.FilterRechecks.WithLabelValues(result).Inc() }
