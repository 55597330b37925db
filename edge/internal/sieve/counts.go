package sieve

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"weir/filters"
)

// Counts are what a filter version has done on this edge since it was opened.
type Counts struct {
	// Calls of Match and Project; Evaluations are the decisions within, one per distinct params; Matches those of them
	// that let an event through; Failures the calls that failed.
	Calls, Evaluations, Matches, Failures uint64
	// Refused is how many subscribers' params it did not take.
	Refused uint64
	// Suspensions is how often it was suspended, and Suspended whether it is.
	Suspensions uint64
	Suspended   bool
	// Rechecked calls were repeated on an instance that had never been called, and HistoryDependent of them came out
	// otherwise.
	Rechecked, HistoryDependent uint64
	// Compared verdicts while the version was a shadow, and Differences of them.
	Compared, Differences uint64
	// Unasked is how many calls were refused since the tenant had no fuel left.
	Unasked uint64
	// Fuel of calls, and of what they need now and then.
	Fuel, Upkeep uint64
}

// Add adds other counts of the same version. Whether it is suspended stays.
func (c *Counts) Add(other Counts) {
	c.Calls += other.Calls
	c.Evaluations += other.Evaluations
	c.Matches += other.Matches
	c.Failures += other.Failures
	c.Refused += other.Refused
	c.Suspensions += other.Suspensions
	c.Rechecked += other.Rechecked
	c.HistoryDependent += other.HistoryDependent
	c.Compared += other.Compared
	c.Differences += other.Differences
	c.Unasked += other.Unasked
	c.Fuel += other.Fuel
	c.Upkeep += other.Upkeep
}

// counters are Counts as they grow.
type counters struct {
	calls, evaluations, matches, failures, refused, suspensions, unasked atomic.Uint64

	decisions, rechecked, historyDependent atomic.Uint64
}

func (c *counters) decided(set *filters.Set, verdicts filters.Bitmap) {
	c.evaluations.Add(uint64(set.Asked()))
	matches := 0
	for _, word := range verdicts {
		matches += bits.OnesCount64(word)
	}
	c.matches.Add(uint64(matches))
}

// samplesMost is how many differences a shadow keeps: enough to see what they have in common.
const samplesMost = 20

// A Difference is an event that a shadow judged otherwise than the version that decides.
type Difference struct {
	Channel string `json:"channel"`
	Epoch   uint64 `json:"epoch"`
	// Offset is 0 for an ephemeral event.
	Offset uint64 `json:"offset"`
	// Group is the beginning of the SHA-256 of the params as the deciding version has prepared them.
	Group       string `json:"group"`
	Live        string `json:"live"` // "match", "held" or "failed"
	LiveVersion uint32 `json:"live_version"`
	Shadow      string `json:"shadow"`
}

// Differences are what a shadow was found to judge otherwise. They are safe for concurrent use.
type Differences struct {
	// Compared counts the verdicts that were compared.
	Compared atomic.Uint64

	mu      sync.Mutex
	noted   uint64
	samples []Difference // the latest; guarded by mu
}

// Note counts a difference and keeps it as one of the latest.
func (d *Differences) Note(sample Difference) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.noted++
	if len(d.samples) == samplesMost {
		d.samples = slices.Delete(d.samples, 0, 1)
	}
	d.samples = append(d.samples, sample)
}

// Noted returns how many differences there were, and the latest of them, oldest first.
func (d *Differences) Noted() (uint64, []Difference) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.noted, slices.Clone(d.samples)
}
