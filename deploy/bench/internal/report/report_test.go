package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestQuantile(t *testing.T) {
	samples := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.99: 5, 1: 5} {
		if got := Quantile(samples, q); got != want {
			t.Errorf("Quantile(%v) = %v, want %v", q, got, want)
		}
	}
	if got := Median(nil); got != 0 {
		t.Errorf("Median(nil) = %v, want 0", got)
	}
}

func TestTableAndFile(t *testing.T) {
	figures := []Figure{
		Figure{Suite: "filters", Name: "viewport", Unit: "ns/decision", Ours: 6, Command: "make bench"}.Against("plain Go", 2),
		{Suite: "idle", Name: "session", Unit: "KiB", Ours: 12345},
	}
	var table strings.Builder
	if err := Table(&table, figures); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"3.00", "plain Go", "12345"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("table lacks %q:\n%s", want, table.String())
		}
	}
	path := filepath.Join(t.TempDir(), "bench.json")
	if err := Write(path, figures); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var read []map[string]any
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"suite", "name", "unit", "ours", "rival", "rival_name", "ratio", "command"} {
		if _, ok := read[0][field]; !ok {
			t.Errorf("bench.json lacks %q", field)
		}
	}
}
