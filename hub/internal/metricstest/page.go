// Package metricstest compares the metrics that a package exports with METRICS.md, the page beside its tests.
package metricstest

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// Listed fails the test unless the page lists the very metrics that are exported.
func Listed(t *testing.T, from prometheus.Gatherer) {
	t.Helper()
	if diff := cmp.Diff(listed(t), exported(t, from)); diff != "" {
		t.Errorf("METRICS.md and the registry differ (-listed +exported):\n%s", diff)
	}
}

// Described fails the test unless the page lists all metrics that are exported, and perhaps others: those with labels are
// not there before they count.
func Described(t *testing.T, from prometheus.Gatherer) {
	t.Helper()
	page := listed(t)
	for _, name := range exported(t, from) {
		if !slices.Contains(page, name) {
			t.Errorf("METRICS.md lacks %s", name)
		}
	}
}

var row = regexp.MustCompile("(?m)^\\| `(weir_[a-z_]+)`")

// listed returns the names in the tables of the page, sorted.
func listed(t *testing.T) (names []string) {
	t.Helper()
	page, err := os.ReadFile("METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return names
}

// exported returns the names of what has a value, sorted.
func exported(t *testing.T, from prometheus.Gatherer) (names []string) {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) == 0 {
		t.Error("no metrics are exported")
	}
	for _, f := range families {
		names = append(names, f.GetName())
	}
	slices.Sort(names)
	return names
}
