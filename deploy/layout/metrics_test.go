package layout

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var metricName = regexp.MustCompile(`\bweir_[a-z0-9_]+`)

// Every metric that the operator's page tells to watch is described on one of the pages of metrics, all of which are listed.
func TestAlertsAreAboutMetrics(t *testing.T) {
	described := map[string]bool{}
	list := read(t, "deploy/METRICS.md")
	for _, path := range sources(t, ".md") {
		if filepath.Base(path) != "METRICS.md" {
			continue
		}
		for _, name := range metricName.FindAllString(read(t, clean(path)), -1) {
			described[name] = true
		}
		if page := clean(path); page != "deploy/METRICS.md" && !strings.Contains(list, "["+page+"]") {
			t.Errorf("deploy/METRICS.md does not list %s", page)
		}
	}
	watched := metricName.FindAllString(read(t, "deploy/README.md"), -1)
	slices.Sort(watched)
	watched = slices.Compact(watched)
	if len(watched) < 8 {
		t.Errorf("the operator's page watches only %v", watched)
	}
	for _, name := range watched {
		if !described[strings.TrimSuffix(name, "_bucket")] {
			t.Errorf("deploy/README.md watches %s, which no METRICS.md describes", name)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
