package gobench

import (
	"errors"
	"testing"
)

func TestOutputIsRead(t *testing.T) {
	r := Results{}
	for _, output := range []string{
		"goos: linux\nBenchmarkBound/viewport/none-2  \t  100\t  5000 ns/op\t 5.5 ns/group\t 0 B/op\nPASS\n",
		"BenchmarkBound/viewport/none-2  \t  100\t  7000 ns/op\t 7.5 ns/group\n",
		"BenchmarkBound/viewport/none \t  100\t  6000 ns/op\t 6.5 ns/group\nBenchmarkOdd-2 \t text that is not one\n",
	} {
		r.add([]byte(output))
	}
	for unit, want := range map[string]float64{"ns/op": 6000, "ns/group": 6.5, "B/op": 0} {
		if got, err := r.Median("Bound/viewport/none", unit); err != nil || got != want {
			t.Errorf("%v %s, %v; want %v", got, unit, err, want)
		}
	}
	for _, missing := range [][2]string{{"Bound/viewport/none", "s"}, {"Odd", "ns/op"}} {
		if _, err := r.Median(missing[0], missing[1]); !errors.Is(err, errNotMeasured) {
			t.Errorf("%v: %v", missing, err)
		}
	}
}
