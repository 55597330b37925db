// Package report is the form in which weir's benchmarks say what they found: a table for people, bench.json for machines.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"
)

// A Figure is one thing measured, beside a rival measured in the same run: machines differ and are noisy, so the ratio is
// what can be compared.
type Figure struct {
	Suite string `json:"suite"`
	Name  string `json:"name"`
	// Unit of Ours and Rival: "ns/decision", "deliveries/CPU-s".
	Unit string  `json:"unit"`
	Ours float64 `json:"ours"`
	// Rival is 0 where nothing comparable exists.
	Rival     float64 `json:"rival"`
	RivalName string  `json:"rival_name"`
	// Ratio is Ours / Rival; 0 without a rival.
	Ratio float64 `json:"ratio"`
	// Command repeats the measurement.
	Command string `json:"command"`
}

// Against returns the figure f beside a rival's.
func (f Figure) Against(name string, rival float64) Figure {
	f.RivalName, f.Rival = name, rival
	if rival != 0 {
		f.Ratio = f.Ours / rival
	}
	return f
}

// Table writes figures as an aligned table.
func Table(w io.Writer, figures []Figure) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SUITE\tNAME\tWEIR\tUNIT\tBESIDE\tRATIO\tRIVAL")
	for _, f := range figures {
		rival, ratio := "-", "-"
		if f.RivalName != "" {
			rival, ratio = Number(f.Rival), fmt.Sprintf("%.2f", f.Ratio)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Suite, f.Name, Number(f.Ours), f.Unit, rival, ratio, f.RivalName)
	}
	return t.Flush()
}

// Number formats a measurement with three significant digits, and thousands in full.
func Number(x float64) string {
	switch {
	case x >= 1000:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case x >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case x >= 10:
		return strconv.FormatFloat(x, 'f', 1, 64)
	default:
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
}

// Write stores figures as a JSON list.
func Write(path string, figures []Figure) error {
	data, err := json.MarshalIndent(figures, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// Median returns the middle of samples, which it sorts; 0 for none.
func Median(samples []float64) float64 { return Quantile(samples, 0.5) }

// Quantile returns the value below which a share q of the samples lies; it sorts them. 0 for none.
func Quantile(samples []float64, q float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	slices.Sort(samples)
	return samples[min(int(q*float64(len(samples))), len(samples)-1)]
}
