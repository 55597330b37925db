// Command rivals measures what people would run instead of weir's hubs, the way deploy/bench measures those: three nodes as
// processes on 127.0.0.1, events of a fixed size, each publisher waiting for the ack of one event before it sends the next.
// It is a Go module of its own, so that weir does not depend on its rivals.
//
//	rivals jetstream -sync always -publishers 64 -events 20000
//	rivals raft -publishers 64 -events 20000
//	rivals quic -publishers 1024 -events 200000
//
// It prints one JSON object.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

// A load is what is asked of a rival.
type load struct {
	Publishers int
	Events     int
	Payload    int // bytes
	Streams    int // of JetStream: as many Raft groups
	Sync       string
}

// warmUp is a tenth of the load, which goes before it and is not counted.
func (l load) warmUp() load {
	l.Events = max(l.Publishers, l.Events/10)
	return l
}

// A result is what was found.
type result struct {
	EventsPerSecond float64 `json:"events_per_second"`
	P50Micros       float64 `json:"p50_micros"`
	P99Micros       float64 `json:"p99_micros"`
	// CPUPerMillion is the CPU time of the three nodes, without that of the publishers where those are apart, in seconds
	// per million events.
	CPUPerMillion float64 `json:"cpu_seconds_per_million"`
	// ClientsCPUPerMillion is that of this process: of the publishers, where they are apart.
	ClientsCPUPerMillion float64 `json:"clients_cpu_seconds_per_million"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "rivals:", err)
		stop()
		os.Exit(1)
	}
}

var errUsage = errors.New("say what to measure: rivals jetstream|raft|quic [-publishers N] [-events N] [-payload BYTES] [-streams N] [-sync always|default]")

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	measures := map[string]func(context.Context, load) (result, error){"jetstream": jetStream, "raft": bareRaft, "quic": bareQUIC}
	nodes := map[string]func(context.Context, []string) error{"nats-node": natsNode, "raft-node": raftNode, "quic-node": quicNode}
	if node, ok := nodes[args[0]]; ok {
		return node(ctx, args[1:])
	}
	measure, ok := measures[args[0]]
	if !ok {
		return errUsage
	}
	l, err := parse(args[1:])
	if err != nil {
		return err
	}
	r, err := measure(ctx, l)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func parse(args []string) (load, error) {
	var l load
	flags := flag.NewFlagSet("rivals", flag.ContinueOnError)
	flags.IntVar(&l.Publishers, "publishers", 64, "how many publish at once")
	flags.IntVar(&l.Events, "events", 20_000, "how many events are measured")
	flags.IntVar(&l.Payload, "payload", 200, "bytes of an event")
	flags.IntVar(&l.Streams, "streams", 1, "JetStream: streams, each a Raft group")
	flags.StringVar(&l.Sync, "sync", "always", "JetStream's sync_interval: always, or default (two minutes)")
	if err := flags.Parse(args); err != nil {
		return l, err
	}
	if l.Publishers < 1 || l.Events < l.Publishers || l.Payload < 0 || l.Streams < 1 {
		return l, errors.New("there must be publishers and streams, and an event for each publisher at least")
	}
	if l.Sync != "always" && l.Sync != "default" {
		return l, errUsage
	}
	return l, nil
}
