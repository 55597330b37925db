// Command bench measures weir beside rivals, prints a table and writes bench.json.
//
//	go run ./deploy/bench                  all suites
//	go run ./deploy/bench -suite filters   one of them
//
// What is measured stands in each suite's file. Servers run in processes of their own on 127.0.0.1 and end with the
// benchmark.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"

	"weir/deploy/bench/internal/rawserver"
	"weir/deploy/bench/internal/report"
	"weir/deploy/internal/server"
)

// An env is what suites run in.
type env struct {
	binary string // of weir
	runs   int    // of which the median counts
}

// A suite measures one thing.
type suite struct {
	name string
	run  func(context.Context, *env) ([]report.Figure, error)
}

func suites() []suite {
	return []suite{
		{"filters", filterSuite},
		{"neighbours", neighbourSuite},
		{"commit", commitSuite},
		{"region", regionSuite},
		{"failover", failoverSuite},
		{"fanout", fanoutSuite},
		{"idle", idleSuite},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "raw-server" {
		return rawserver.Run(ctx, os.Stdin, os.Stdout)
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	name := flags.String("suite", "", "run one suite: "+strings.Join(names(), ", "))
	out := flags.String("out", "bench.json", "where to write the figures")
	runs := flags.Int("runs", 3, "how often to measure; the median counts")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *name != "" && !slices.Contains(names(), *name) {
		return fmt.Errorf("no suite %q: there are %s", *name, strings.Join(names(), ", "))
	}
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	e := &env{runs: max(*runs, 1)}
	if e.binary, err = server.Build(ctx, dir); err != nil {
		return err
	}
	var figures []report.Figure
	var failed []error
	for _, s := range suites() {
		if *name != "" && s.name != *name {
			continue
		}
		fmt.Fprintf(os.Stderr, "suite %s\n", s.name)
		found, err := s.run(ctx, e)
		if err != nil {
			failed = append(failed, fmt.Errorf("suite %s: %w", s.name, err))
		}
		for i := range found {
			found[i].Suite = s.name
			if found[i].Command == "" {
				found[i].Command = "make bench SUITE=" + s.name
			}
		}
		figures = append(figures, found...)
	}
	if err := report.Table(os.Stdout, figures); err != nil {
		return err
	}
	return errors.Join(append(failed, report.Write(*out, figures))...)
}

func names() []string {
	var all []string
	for _, s := range suites() {
		all = append(all, s.name)
	}
	return all
}

// median runs a measurement as often as the environment says and returns the middle of what it found.
func (e *env) median(measure func() (float64, error)) (float64, error) {
	var samples []float64
	for range e.runs {
		sample, err := measure()
		if err != nil {
			return 0, err
		}
		samples = append(samples, sample)
	}
	return report.Median(samples), nil
}
