package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"weir/deploy/bench/internal/procstat"
	"weir/deploy/bench/internal/report"
	"weir/deploy/bench/internal/rival"
	"weir/deploy/internal/region"
	"weir/hub/hubclient"
	"weir/hub/link"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

// regionNodes is how many hub nodes, and how many nodes of each rival, run on this machine.
const regionNodes = 3

// regionShards are over how many Raft groups a region's channels are spread: weir's default, and one, which is what a stream of
// JetStream and the bare loop are. Each group's log is fsynced by itself, here all on one disk.
var regionShards = []int{4, 1}

// regionLoads are what is asked of a region and of its rivals: publishers that each wait for the ack of one event before
// they send the next, and how many events are measured.
var regionLoads = []rival.Load{
	{Publishers: 1, Events: 1000, Payload: commitPayload},
	{Publishers: 64, Events: 20_000, Payload: commitPayload},
	{Publishers: 1024, Events: 60_000, Payload: commitPayload},
}

const (
	// regionClients share the publishers, as an edge's clients share its link.
	regionClients = 16
	// regionChannels are spread over the shards.
	regionChannels = 64
)

// regionRivals are measured beside us, in turns.
var regionRivals = []struct{ name, command string }{
	{"JetStream R3, sync_interval always", "jetstream -sync always"},
	{"JetStream R3, default", "jetstream -sync default"},
	{"bare raft and raft-wal, 3 nodes", "raft"},
}

// regionSuite measures durable publications to three hub nodes on one machine, each fsynced by a majority before its ack.
func regionSuite(ctx context.Context, e *env) ([]report.Figure, error) {
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	rivals, err := rival.Build(ctx, dir)
	if err != nil {
		return nil, err
	}
	var figures []report.Figure
	for _, shards := range regionShards {
		found, err := regionOf(ctx, e, shards, filepath.Join(dir, fmt.Sprint(shards)), rivals)
		figures = append(figures, found...)
		if err != nil {
			return figures, err
		}
	}
	return figures, nil
}

// regionOf measures a region of so many shards under all loads.
func regionOf(ctx context.Context, e *env, shards int, dir string, rivals *rival.Program) ([]report.Figure, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	r, err := region.Start(ctx, region.Config{Binary: e.binary, Dir: dir, Nodes: regionNodes, Shards: shards})
	if err != nil {
		return nil, err
	}
	defer r.Stop()
	var figures []report.Figure
	for _, load := range regionLoads {
		found, err := besideRivals(ctx, e, r, rivals, load)
		for i := range found {
			found[i].Name = fmt.Sprintf("%d nodes, shards %d, %s", regionNodes, shards, found[i].Name)
		}
		figures = append(figures, found...)
		if err != nil {
			return figures, err
		}
	}
	return figures, nil
}

// besideRivals measures one load, ours and the rivals' in turns, and compares the medians.
func besideRivals(ctx context.Context, e *env, r *region.Region, rivals *rival.Program, load rival.Load) ([]report.Figure, error) {
	ours, theirs := &samples{}, make([]*samples, len(regionRivals))
	for i := range theirs {
		theirs[i] = &samples{}
	}
	for range e.runs {
		found, err := publishClosedLoop(ctx, r, load)
		if err != nil {
			return nil, fmt.Errorf("%d publishers: %w", load.Publishers, err)
		}
		ours.add(found)
		for i, other := range regionRivals {
			found, err := rivals.Measure(ctx, other.command, load)
			if err != nil {
				return nil, fmt.Errorf("%s, %d publishers: %w", other.name, load.Publishers, err)
			}
			theirs[i].add(found)
		}
	}
	var figures []report.Figure
	for i, other := range regionRivals {
		figures = append(figures, ours.against(other.name, theirs[i], load.Publishers)...)
	}
	return figures, nil
}

// samples are what several runs found.
type samples struct{ rate, p50, p99, cpu []float64 }

func (s *samples) add(r rival.Result) {
	s.rate, s.p50 = append(s.rate, r.EventsPerSecond), append(s.p50, r.P50Micros)
	s.p99, s.cpu = append(s.p99, r.P99Micros), append(s.cpu, r.CPUPerMillion)
}

func (s *samples) against(name string, other *samples, publishers int) []report.Figure {
	var figures []report.Figure
	for _, f := range []struct {
		what, unit   string
		ours, theirs []float64
	}{
		{"durable events", "events/s", s.rate, other.rate},
		{"publish to durable ack, median", "µs", s.p50, other.p50},
		{"publish to durable ack, p99", "µs", s.p99, other.p99},
		{"CPU of the nodes", "s/million events", s.cpu, other.cpu},
	} {
		figure := report.Figure{
			Name: fmt.Sprintf("%d publishers: %s", publishers, f.what), Unit: f.unit, Ours: report.Median(f.ours),
		}
		figures = append(figures, figure.Against(name, report.Median(f.theirs)))
	}
	return figures
}

// publishClosedLoop has publishers publish to a region, after a tenth as many events that are not counted.
func publishClosedLoop(ctx context.Context, r *region.Region, load rival.Load) (rival.Result, error) {
	clients, closeAll, err := connectToRegion(ctx, r, min(load.Publishers, regionClients))
	defer closeAll()
	if err != nil {
		return rival.Result{}, err
	}
	publishers := make([]*closedLoopPublisher, load.Publishers)
	for i := range publishers {
		publishers[i] = &closedLoopPublisher{
			client: clients[i%len(clients)], channel: fmt.Sprintf("chat:bench-%d", i%regionChannels),
			identity: producer.New(time.Now(), rand.Reader), answered: make(chan error, 1),
		}
	}
	publish := func(ctx context.Context, p int, payload []byte) error { return publishers[p].publish(ctx, payload) }
	if _, err := rival.ClosedLoop(ctx, load.WarmUp(), publish); err != nil {
		return rival.Result{}, fmt.Errorf("warm up: %w", err)
	}
	before, err := cpuOfNodes(r)
	if err != nil {
		return rival.Result{}, err
	}
	result, err := rival.ClosedLoop(ctx, load, publish)
	if err != nil {
		return result, err
	}
	after, err := cpuOfNodes(r)
	result.CPUPerMillion = (after - before).Seconds() / float64(load.Events) * 1e6
	return result, err
}

func cpuOfNodes(r *region.Region) (sum time.Duration, err error) {
	for _, n := range r.Nodes {
		used, failed := procstat.CPU(n.PID())
		sum, err = sum+used, errors.Join(err, failed)
	}
	return sum, err
}

// connectToRegion returns clients of the link, which is what an edge publishes by.
func connectToRegion(ctx context.Context, r *region.Region, n int) (clients []*hubclient.Client, closeAll func(), err error) {
	closeAll = func() {
		for _, c := range clients {
			_ = c.Close()
		}
	}
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, closeAll, err
	}
	defer os.RemoveAll(dir)
	identity := filepath.Join(dir, "edge")
	if err := r.IssueEdge(ctx, "bench", identity); err != nil {
		return nil, closeAll, err
	}
	var addresses []string
	for _, node := range r.Nodes {
		addresses = append(addresses, node.LinkAddress())
	}
	for range n {
		config, err := link.EdgeTLS(identity)
		if err != nil {
			return clients, closeAll, err
		}
		c, err := hubclient.New(hubclient.Config{
			Addrs: addresses, TLS: config, Agent: "bench", Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return clients, closeAll, err
		}
		clients = append(clients, c)
	}
	return clients, closeAll, nil
}

// A closedLoopPublisher publishes one event after the other, each with a sequence, as clients do.
type closedLoopPublisher struct {
	client   *hubclient.Client
	channel  string
	identity string
	sequence uint64
	answered chan error
}

func (p *closedLoopPublisher) publish(ctx context.Context, payload []byte) error {
	p.sequence++
	p.client.Publish(region.Tenant, &weirpb.Publication{
		Channel: p.channel, Payload: payload, Producer: p.identity, Sequence: p.sequence, Ack: weirpb.Ack_ACK_REGION,
	}, func(_ *weirpb.Receipt, err error) { p.answered <- err })
	select {
	case err := <-p.answered:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
