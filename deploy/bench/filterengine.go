package main

import (
	"context"
	"strings"

	"weir/deploy/bench/internal/gobench"
	"weir/deploy/bench/internal/report"
)

// engineFolder has the benchmarks of what only the engine itself can measure.
const engineFolder = "./filters"

// An engineRow is a figure made of the engine's own benchmarks.
type engineRow struct {
	name        string
	unit        string  // of the figure
	scale       float64 // from what the benchmark reports to unit
	bench       string  // its name
	reports     string  // the unit that the benchmark reports
	beside      string  // the rival's benchmark; none for nothing comparable
	besideTitle string
}

// engineRows: metering has to cost at most 1.1 times what no bound costs for viewport, and 1.6 for the tightest loop.
// An index has to be 50 times as fast where a thousandth matches, and to cost next to nothing where all do.
var engineRows = []engineRow{
	{"metered, viewport, 1,000 groups", "µs/event", 1e-3, "Bound/viewport/metered", "ns/op", "Bound/viewport/none", "no bound"},
	{"context check, viewport, 1,000 groups", "µs/event", 1e-3, "Bound/viewport/context", "ns/op", "Bound/viewport/none", "no bound"},
	{"metered, scanning 512 KiB by bytes", "µs/event", 1e-3, "Bound/scan/metered", "ns/op", "Bound/scan/none", "no bound"},
	{"context check, scanning 512 KiB by bytes", "µs/event", 1e-3, "Bound/scan/context", "ns/op", "Bound/scan/none", "no bound"},
	{"viewport, 1,000 groups, parsing included", "ns/decision", 1, "Viewport/filter/groups=1000", "ns/group", "Viewport/go/groups=1000", "plain Go, encoding/json"},
	{"index, 100,000 viewports, 0.1 % matching", "events/s", 1, "Index/matching=0.1%/indexed", "events/s", "Index/matching=0.1%/all", "all evaluated"},
	{"index, 100,000 viewports, all matching", "events/s", 1, "Index/matching=100%/indexed", "events/s", "Index/matching=100%/all", "no index"},
	{"viewport, new instance", "µs", 1e-3, "Instance/new", "ns/op", "Instance/restore", "one put back"},
	{"viewport, instances", "instances/MB", 1, "InstanceMemory", "instances/MB", "", ""},
	{"viewport, cold start from the disk cache", "ms", 1e-6, "Open/viewport/cached", "ns/op", "Open/viewport/cold", "compiled"},
	{"expr, cold start from the disk cache", "ms", 1e-6, "Open/expr/cached", "ns/op", "Open/expr/cold", "compiled"},
}

// engineRuns is how often the engine's benchmarks run for each time that others do: they are short, so that both sides of a
// ratio are measured close together.
const engineRuns = 3

// enginePattern selects the benchmarks that engineRows are made of.
const enginePattern = "Bound|Index|Viewport/(filter|go)/groups=1000$|Instance|Open/(viewport|expr)/"

// engineFigures measures what the engine's bounds, instances and cache cost.
func engineFigures(ctx context.Context, e *env) ([]report.Figure, error) {
	results, err := gobench.Run(ctx, engineFolder, enginePattern, engineRuns*e.runs)
	if err != nil {
		return nil, err
	}
	var figures []report.Figure
	for _, row := range engineRows {
		whole, _, _ := strings.Cut(row.bench, "/") // the rival is in the same benchmark
		figure := report.Figure{Name: row.name, Unit: row.unit, Command: gobench.Command(engineFolder, whole)}
		if figure.Ours, err = results.Median(row.bench, row.reports); err != nil {
			return figures, err
		}
		figure.Ours *= row.scale
		if row.beside != "" {
			rival, err := results.Median(row.beside, row.reports)
			if err != nil {
				return figures, err
			}
			figure = figure.Against(row.besideTitle, rival*row.scale)
		}
		figures = append(figures, figure)
	}
	return figures, nil
}
