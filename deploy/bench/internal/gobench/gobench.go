// Package gobench runs a package's own Go benchmarks, for what can only be measured from inside it.
package gobench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"weir/deploy/bench/internal/report"
)

// Results are what benchmarks reported: samples by name, without "Benchmark" and the number of CPUs, and unit.
type Results map[string]map[string][]float64

// Run runs a package's benchmarks so many times, one after the other each time rather than each so many times in a row:
// what is compared shall have seen the same weather. The package is a folder, relative to the present one.
func Run(ctx context.Context, folder, pattern string, runs int) (Results, error) {
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "bench.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, folder).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile the benchmarks of %s: %w\n%s", folder, err, out)
	}
	results := Results{}
	for range runs {
		cmd := exec.CommandContext(ctx, binary, "-test.run", "^$", "-test.bench", pattern, "-test.benchtime", "100ms")
		cmd.Dir = folder // as go test does
		out, err := cmd.CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("benchmarks of %s: %w\n%s", folder, err, out)
		}
		results.add(out)
	}
	return results, nil
}

// Command is what measures the same by hand.
func Command(folder, pattern string) string {
	return fmt.Sprintf("go test %s -run '^$' -bench '%s'", folder, pattern)
}

// line is what the package testing prints: the name with the number of CPUs, iterations, then values with units.
var line = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

func (r Results) add(output []byte) {
	scanner := bufio.NewScanner(bytes.NewReader(output))
	for scanner.Scan() {
		match := line.FindStringSubmatch(scanner.Text())
		if match == nil {
			continue
		}
		fields := strings.Fields(match[2])
		for i := 0; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				continue
			}
			if r[match[1]] == nil {
				r[match[1]] = map[string][]float64{}
			}
			r[match[1]][fields[i+1]] = append(r[match[1]][fields[i+1]], value)
		}
	}
}

// errNotMeasured says that a benchmark has not reported what is asked for.
var errNotMeasured = errors.New("not measured")

// Median returns the middle of what a benchmark reported in a unit.
func (r Results) Median(name, unit string) (float64, error) {
	samples := r[name][unit]
	if len(samples) == 0 {
		return 0, fmt.Errorf("%s in %s: %w", name, unit, errNotMeasured)
	}
	return report.Median(samples), nil
}
