package fanout

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// A tally counts what a channel does between two wakes, so that the hot path touches no shared counter per group.
type tally struct {
	events, match, held, failed uint64
	state                       int64 // bytes accounted for in the table
}

// said returns how many verdicts were counted as something else than held.
func (t *tally) said() uint64 { return t.match + t.failed }

func (t *tally) verdict(v verdict) {
	switch v {
	case match:
		t.match++
	case held:
		t.held++
	case failed, starved:
		t.failed++
	}
}

func (t *tally) flush(c *channel) {
	m := c.table.metrics
	m.Events.Add(float64(t.events))
	m.Evaluations.Add(float64(c.panel.asked))
	c.table.verdicts.match.Add(float64(t.match))
	c.table.verdicts.held.Add(float64(t.held))
	c.table.verdicts.failed.Add(float64(t.failed))
	t.events, t.match, t.held, t.failed, c.panel.asked = 0, 0, 0, 0, 0
}

// verdictCounters are the children of a counter vector, looked up once.
type verdictCounters struct{ match, held, failed prometheus.Counter }

// A budget bounds a sum over all channels.
type budget struct {
	used  atomic.Int64
	most  int64
	gauge prometheus.Gauge
}

// adjust replaces a share of the sum, and reports whether the sum is within the bound, or has shrunk.
func (b *budget) adjust(share *int64, now int64) bool {
	delta := now - *share
	if delta == 0 {
		return true
	}
	*share = now
	used := b.used.Add(delta)
	b.gauge.Set(float64(used))
	return delta < 0 || used <= b.most
}
