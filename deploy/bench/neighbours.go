package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"weir/deploy/bench/internal/process"
	"weir/deploy/bench/internal/report"
	"weir/deploy/internal/load"
)

const (
	neighbourPhases = 7    // of each kind, in turns
	neighbourEvents = 1000 // in each
	neighbourEvery  = 3 * time.Millisecond
	neighbourGroups = 50 // of each of two sessions
	hostileEvery    = 100 * time.Millisecond
	hostileRest     = 5 * time.Second // until calls that are under way are over: one of each filter, of up to some 80 ms each
	deliverPatience = 2 * time.Minute // for all events of a phase

	goodChannel   = "flights"
	hostileFolder = "filters/testdata/hostile"
)

// neighbourSuite measures how long a tenant's events take from being published to arriving at a subscriber, through a real hub and
// edge on loopback: alone; beside a tenant whose filters do their worst; and, for comparison, beside as many ordinary processes that
// never rest as filters have turns. The three take turns on one server.
func neighbourSuite(ctx context.Context, e *env) ([]report.Figure, error) {
	w, err := process.StartWeir(ctx, e.binary)
	if err != nil {
		return nil, err
	}
	defer w.Stop()
	s := &street{server: w, admin: newAdmin(w)}
	if s.dialer, err = load.NewDialer(); err != nil {
		return nil, err
	}
	defer s.dialer.Close()
	if err := s.build(ctx); err != nil {
		return nil, err
	}
	var alone, beside, busy phases
	for i := range neighbourPhases + 1 {
		for _, phase := range []struct {
			run   func(context.Context) ([]time.Duration, error)
			found *phases
		}{{s.deliver, &alone}, {s.beside, &beside}, {s.busy, &busy}} {
			took, err := phase.run(ctx)
			if err != nil {
				return nil, err
			}
			if i > 0 { // the first compiles the modules, and warms up
				*phase.found = append(*phase.found, took)
			}
		}
		if i > 0 {
			fmt.Fprintf(os.Stderr, "  p99 %v alone, %v beside hostile filters, %v beside busy processes; machine's load %s\n",
				alone.last(0.99), beside.last(0.99), busy.last(0.99), machineLoad())
		}
	}
	var figures []report.Figure
	for _, c := range []struct {
		name string
		q    float64
	}{{"half", 0.5}, {"99 %", 0.99}} {
		for _, with := range []struct {
			name  string
			found phases
		}{{"hostile filters", beside}, {"busy processes", busy}} {
			figure := report.Figure{Name: c.name + " of deliveries, beside " + with.name + ", within", Unit: "ms", Ours: with.found.median(c.q)}
			figures = append(figures, figure.Against("alone", alone.median(c.q)))
		}
	}
	return append(figures, report.Figure{
		Name: "of which hostile filters had, while they were there", Unit: "G fuel/s", Ours: s.hostileFuel,
	}), nil
}

// phases are the sorted times of each phase.
type phases [][]time.Duration

// last returns the last phase's quantile.
func (p phases) last(q float64) time.Duration { return quantile(p[len(p)-1], q) }

// median returns the middle of the phases' quantiles, in ms.
func (p phases) median(q float64) float64 {
	var all []float64
	for _, phase := range p {
		all = append(all, float64(quantile(phase, q))/float64(time.Millisecond))
	}
	return report.Median(all)
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// machineLoad says how busy the machine is, as a figure means little without; where that can't be read, so.
func machineLoad() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// busy is deliver while as many processes as filters have turns do nothing but loop.
func (s *street) busy(ctx context.Context) ([]time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	var all []*exec.Cmd
	defer func() {
		cancel()
		for _, cmd := range all {
			_ = cmd.Wait() // says that it was killed
		}
	}()
	for range max(1, runtime.NumCPU()-1) {
		cmd := exec.CommandContext(ctx, "sh", "-c", "while :; do :; done")
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		all = append(all, cmd)
	}
	return s.deliver(ctx)
}
