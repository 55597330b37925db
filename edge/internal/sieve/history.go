package sieve

import (
	"context"

	"weir/filters"
)

// sampleEvery is how many calls of Match lead to one being offered to the checker, which takes few of them. It is a prime: an
// instance is put back to its beginnings every 48 calls, and with a divisor in common only some places in that cycle would
// ever be looked at.
const sampleEvery = 61

// sample offers one call in a while to the checker. The others cost a counter.
func (s *Sieve) sample(event []byte, set *filters.Set, verdicts filters.Bitmap) {
	n := s.counters.decisions.Add(1)
	if s.Checker == nil || n%sampleEvery != 0 || set.Len() == 0 {
		return
	}
	s.Checker.Offer(s, s.ID.Tenant, event, set, verdicts, n/sampleEvery)
}

// Recheck repeats a call on an instance that has never been called; see selfcheck.Subject. A filter that is caught goes on
// deciding: that it holds back what it should not, or lets through, is not made better by the failure policy, and its tenant is
// told.
func (s *Sieve) Recheck(ctx context.Context, sample *filters.Sample) (same bool, err error) {
	found, err := s.module.Recheck(ctx, sample)
	if err != nil {
		return false, err
	}
	s.counters.rechecked.Add(1)
	if found == nil {
		return true, nil
	}
	s.history.Inc()
	if s.counters.historyDependent.Add(1) == 1 {
		s.log.Error("a filter depends on history: it does not decide again as it has decided", "group", found.Group,
			"said", found.Said, "again", found.Again, "hint", "filters/README.md, \"A filter that depends on history\"")
	}
	return false, nil
}
