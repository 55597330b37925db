package filters

import (
	"iter"
	"os"
	"strconv"
	"testing"
)

// seeds returns the seeds of random histories: a few, or as many as the variable countName says, from the one on that firstName
// says. deploy/soak sets them.
func seeds(t *testing.T, firstName, countName string, few uint64) iter.Seq[uint64] {
	t.Helper()
	number := func(name string, otherwise uint64) uint64 {
		text := os.Getenv(name)
		if text == "" {
			return otherwise
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	first, count := number(firstName, 1), number(countName, few)
	return func(yield func(uint64) bool) {
		for seed := first; seed < first+count && yield(seed); seed++ {
		}
	}
}
