package mirror

import (
	"testing"

	"weir/edge/internal/fakehub"
	"weir/proto/weirpb"
)

// refused returns how many params each filter has refused, by name.
func refused(s *Shelf) map[string]uint64 {
	all := map[string]uint64{}
	for _, t := range s.Tallies() {
		all[t.ID.Name] += t.Counts.Refused
	}
	return all
}

func TestTalliesOutliveTheShelf(t *testing.T) {
	shelved(t, func(t *testing.T, _ *fakehub.Hub, _ *library, s *Shelf, version func(string) *weirpb.FilterVersion) {
		s.most = 1
		use := func(name string) {
			sieve, err := s.Take(t.Context(), version(name))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := sieve.Prepare(t.Context(), []byte("nonsense")); err == nil {
				t.Error("nonsense is taken for params")
			}
			s.Return(sieve)
		}
		for _, name := range []string{"a", "b", "a", "a"} {
			use(name)
		}
		if got := refused(s); got["a"] != 3 || got["b"] != 1 || len(got) != 2 {
			t.Errorf("the tallies are %v", got)
		}
		s.Retain(&State{})
		if got := refused(s); len(got) != 0 {
			t.Errorf("the tallies of what is gone are %v", got)
		}
	})
}
