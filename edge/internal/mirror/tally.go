package mirror

import (
	"weir/edge/internal/sieve"
)

// A Tally is what a filter version has done on this edge, whether it is on the shelf now or was before.
type Tally struct {
	ID     sieve.ID
	Counts sieve.Counts
	// Samples are the latest differences of a shadow, while it is on the shelf.
	Samples []sieve.Difference
}

// Tallies returns what all versions have done that the control state has, in no particular order. Counts never go down.
func (s *Shelf) Tallies() []Tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Tally, 0, len(s.books))
	for id, b := range s.books {
		if b.module == nil {
			continue
		}
		t := Tally{ID: id, Counts: b.sieve.Counts()}
		_, t.Samples = b.sieve.Differences.Noted()
		t.Counts.Add(s.retired[id])
		all = append(all, t)
	}
	for id, counts := range s.retired {
		if b := s.books[id]; b == nil || b.module == nil {
			all = append(all, Tally{ID: id, Counts: counts})
		}
	}
	return all
}

// retire keeps what a version has done that leaves the shelf. mu is held.
func (s *Shelf) retire(b *book) {
	counts := b.sieve.Counts()
	counts.Suspended = false
	counts.Add(s.retired[b.sieve.ID])
	s.retired[b.sieve.ID] = counts
}

// forgetRetired drops what versions have done that a state does not have any more: as many are kept as there are. mu is held.
func (s *Shelf) forgetRetired(state *State) {
	for id := range s.retired {
		v, f := state.FilterVersion(id.Tenant, id.Name, id.Version)
		if f != nil || string(v.GetDigest()) != string(id.Digest[:]) {
			delete(s.retired, id)
		}
	}
}
