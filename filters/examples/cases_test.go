package examples_test

import (
	"os"
	"path/filepath"
	"testing"

	"weir/filters/cases"
	"weir/filters/examples"
)

// TestExamplesPassTheirCases runs the table beside each example that has one; viewport and expr have tests of their own.
func TestExamplesPassTheirCases(t *testing.T) {
	tables := 0
	for _, example := range examples.All() {
		text, err := os.ReadFile(filepath.Join(example.Name, "cases.yaml"))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		table, err := cases.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", example.Name, err)
		}
		tables++
		for _, result := range cases.Run(t.Context(), open(t, example), table) {
			for _, d := range result.Differences {
				t.Errorf("%s, %s: %s: want %s, got %s", example.Name, result.Name, d.What, d.Want, d.Got)
			}
		}
	}
	if want := len(examples.All()) - 2; tables != want {
		t.Errorf("%d tables, want %d", tables, want)
	}
}
