// Package rival runs the program in deploy/bench/rivals, and the closed loop that it measures by, for what is ours.
package rival

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Load is what is asked of a rival.
type Load struct {
	Publishers int
	Events     int
	Payload    int // bytes
}

// WarmUp is a tenth of the load, which goes before it and is not counted.
func (l Load) WarmUp() Load {
	l.Events = max(l.Publishers, l.Events/10)
	return l
}

// A Result is what was found, as the program prints it.
type Result struct {
	EventsPerSecond float64 `json:"events_per_second"`
	P50Micros       float64 `json:"p50_micros"`
	P99Micros       float64 `json:"p99_micros"`
	// CPUPerMillion is the CPU time of the nodes, in seconds per million events.
	CPUPerMillion float64 `json:"cpu_seconds_per_million"`
}

// A Program is the compiled rivals.
type Program struct{ path string }

// Build compiles the rivals, which are a module of their own, into dir.
func Build(ctx context.Context, dir string) (*Program, error) {
	p := &Program{path: filepath.Join(dir, "rivals")}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", p.path, ".")
	cmd.Dir = filepath.Join("deploy", "bench", "rivals")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("build the rivals: %w", err)
	}
	return p, nil
}

// Measure runs a command of the program, "raft" or "jetstream -sync always", with a load.
func (p *Program) Measure(ctx context.Context, command string, l Load) (Result, error) {
	args := append(strings.Fields(command), "-publishers", strconv.Itoa(l.Publishers),
		"-events", strconv.Itoa(l.Events), "-payload", strconv.Itoa(l.Payload))
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return Result{}, err
	}
	var r Result
	return r, json.NewDecoder(bytes.NewReader(out)).Decode(&r)
}

// ClosedLoop has publishers publish one event at a time each, and says how fast that went.
func ClosedLoop(ctx context.Context, l Load, publish func(ctx context.Context, publisher int, payload []byte) error) (Result, error) {
	each := l.Events / l.Publishers
	latencies := make([][]time.Duration, l.Publishers)
	failures := make([]error, l.Publishers)
	var all sync.WaitGroup
	start := time.Now()
	for p := range l.Publishers {
		all.Go(func() {
			payload := make([]byte, l.Payload)
			latencies[p] = make([]time.Duration, 0, each)
			for range each {
				begin := time.Now()
				if failures[p] = publish(ctx, p, payload); failures[p] != nil {
					return
				}
				latencies[p] = append(latencies[p], time.Since(begin))
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	for p, err := range failures {
		if err != nil {
			return Result{}, fmt.Errorf("publisher %d: %w", p, err)
		}
	}
	sorted := slices.Concat(latencies...)
	slices.Sort(sorted)
	micros := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	return Result{
		EventsPerSecond: float64(len(sorted)) / took.Seconds(),
		P50Micros:       micros(sorted[len(sorted)/2]), P99Micros: micros(sorted[len(sorted)*99/100]),
	}, nil
}
