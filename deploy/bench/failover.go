package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"weir/deploy/bench/internal/report"
	"weir/deploy/internal/region"
	"weir/edge/edgeclient"
)

const (
	failoverKills       = 20
	failoverShards      = 4 // whose leaders are killed in turns
	failoverChannels    = 100
	failoverClients     = 20 // that publish, each to its share of the channels
	failoverSubscribers = 500
	// failoverInterval is how often each channel gets an event: 2,000 a second in all.
	failoverInterval = 50 * time.Millisecond
	// failoverPatience bounds how long acks may stay away, and the region's recovery.
	failoverPatience = 30 * time.Second
	// spreadPatience is how long the leads may take to be spread again before the next kill. Nodes that are killed every few
	// seconds are given them back ever more seldom (membership.Balancer), which is right and not what is measured.
	spreadPatience = 15 * time.Second
	// undisturbed is what an ack may take on a shard whose leader lives. Beyond it something has waited for the election.
	undisturbed = 250 * time.Millisecond
)

// failoverSuite kills the leader of a shard again and again while 2,000 events a second are published through an edge with
// 500 subscribers, and measures how long acks stay away. Nothing may be lost or come twice.
func failoverSuite(ctx context.Context, e *env) ([]report.Figure, error) {
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r, err := region.Start(ctx, region.Config{Binary: e.binary, Dir: dir, Nodes: regionNodes, Edges: 1, Shards: failoverShards})
	if err != nil {
		return nil, err
	}
	defer r.Stop()
	connect := func() (*edgeclient.Client, error) {
		return edgeclient.Dial(ctx, edgeclient.Config{
			URL: r.Edges[0].URL, Token: r.Token, Insecure: true, Logger: slog.New(slog.DiscardHandler),
		})
	}
	audience, err := gatherAudience(ctx, connect)
	if err != nil {
		return nil, err
	}
	load, err := startTicking(ctx, connect)
	if err != nil {
		return nil, err
	}
	shards, err := shardsOf(ctx, r)
	if err != nil {
		return nil, err
	}
	var pauses, others []float64 // milliseconds
	for i := range failoverKills {
		pause, other, err := killLeader(ctx, r, load, shards, uint32(i%failoverShards+1))
		if err != nil {
			return nil, fmt.Errorf("kill %d: %w", i+1, err)
		}
		fmt.Fprintf(os.Stderr, "  kill %d: next ack after %.0f ms, slowest ack of other shards %.0f ms\n", i+1, pause, other)
		pauses = append(pauses, pause)
		if other > 0 { // there were any
			others = append(others, other)
		}
	}
	published, err := load.stop()
	if err != nil {
		return nil, err
	}
	if err := audience.check(ctx, published); err != nil {
		return nil, err
	}
	if len(others) == 0 {
		return nil, errors.New("whoever was killed led all shards, each time")
	}
	disturbed := 0
	for _, ms := range others {
		if ms > undisturbed.Seconds()*1000 {
			disturbed++
		}
	}
	return []report.Figure{
		{Name: "kill -9 of a leader to the next ack, median of 20", Unit: "ms", Ours: report.Median(slices.Clone(pauses))},
		{Name: "kill -9 of a leader to the next ack, worst of 20", Unit: "ms", Ours: slices.Max(pauses)},
		{Name: fmt.Sprintf("slowest ack of shards with a living leader, median of %d", len(others)), Unit: "ms", Ours: report.Median(slices.Clone(others))},
		{Name: fmt.Sprintf("kills in which such an ack took over %v", undisturbed), Unit: fmt.Sprint("of ", len(others)), Ours: float64(disturbed)},
		{Name: "events published and seen once by all, in order", Unit: "events", Ours: float64(published)},
	}, nil
}

// killLeader kills the node that leads a shard, and returns, in milliseconds, when the first ack came of a channel on a
// shard that it led, and the slowest ack on the others, 0 if it led all. Then it starts the node again and waits until all
// serve.
func killLeader(ctx context.Context, r *region.Region, load *ticking, shards map[string]uint32, shard uint32) (pause, other float64, err error) {
	leaders, err := r.Leaders(ctx)
	if err != nil {
		return 0, 0, err
	}
	i := slices.IndexFunc(r.Nodes, func(n *region.Node) bool { return n.Name == leaders[shard] })
	if i < 0 {
		return 0, 0, fmt.Errorf("shard %d has no leader: %v", shard, leaders)
	}
	lost := func(channel string) bool { return leaders[shards[channel]] == leaders[shard] }
	load.forget()
	killed := time.Now()
	r.Nodes[i].Kill()
	found := load.after(killed, lost, failoverPatience)
	if err := errors.Join(r.Nodes[i].Start(), r.Ready(ctx)); err != nil {
		return 0, 0, err
	}
	if found.first == 0 {
		return 0, 0, fmt.Errorf("no ack came within %v", failoverPatience)
	}
	spread, cancel := context.WithTimeout(ctx, spreadPatience)
	defer cancel()
	if err := r.Balanced(spread); err != nil && spread.Err() == nil {
		return 0, 0, err
	}
	return milliseconds(found.first), milliseconds(found.slowestOther), ctx.Err()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
