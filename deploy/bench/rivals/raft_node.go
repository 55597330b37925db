package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
)

// A raftJob says what a node of the bare group is and, should it come to lead, what it is to measure.
type raftJob struct {
	Node      int
	Addresses []string
	Dir       string
	Load      load
}

// raftNode is a process with hashicorp/raft on raft-wal and a state machine that does nothing. Whoever leads publishes: there
// is no client protocol, so nothing built on this can be faster with an entry an event.
func raftNode(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("raft-node wants its job")
	}
	var job raftJob
	if err := json.Unmarshal([]byte(args[0]), &job); err != nil {
		return err
	}
	log, err := openLog(job.Dir)
	if err != nil {
		return err
	}
	defer log.Close()
	led := make(chan bool, 8)
	r, err := openRaft(job, log, led)
	if err != nil {
		return err
	}
	defer func() { _ = r.Shutdown().Error() }()
	fmt.Println("ready")
	go func() { // ends with the process
		for leads := range led {
			if leads {
				report(ctx, r, job.Load)
			}
		}
	}()
	untilClosed(ctx, os.Stdin)
	return nil
}

// report measures and prints what was found, or why not.
func report(ctx context.Context, r *raft.Raft, l load) {
	publish := func(_ context.Context, _ int, payload []byte) error { return r.Apply(payload, 10*time.Second).Error() }
	if _, err := closedLoop(ctx, l.warmUp(), publish); err != nil {
		slog.Error("warm up", "error", err)
		return
	}
	fmt.Println("begin")
	found, err := closedLoop(ctx, l, publish)
	if err != nil {
		slog.Error("measure", "error", err)
		return
	}
	_ = json.NewEncoder(os.Stdout).Encode(found)
}

func openLog(dir string) (*wal.WAL, error) {
	dir = filepath.Join(dir, "log")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return wal.Open(dir, wal.WithLogger(hclog.NewNullLogger()))
}

func openRaft(job raftJob, log *wal.WAL, led chan bool) (*raft.Raft, error) {
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(job.Addresses[job.Node])
	config.Logger = hclog.NewNullLogger()
	config.NotifyCh = led
	config.NoLegacyTelemetry = true
	transport, err := raft.NewTCPTransport(job.Addresses[job.Node], nil, nodes, 10*time.Second, io.Discard)
	if err != nil {
		return nil, err
	}
	var servers []raft.Server
	for _, a := range job.Addresses {
		servers = append(servers, raft.Server{ID: raft.ServerID(a), Address: raft.ServerAddress(a)})
	}
	snapshots := raft.NewInmemSnapshotStore()
	err = raft.BootstrapCluster(config, log, log, snapshots, transport, raft.Configuration{Servers: servers})
	if err != nil {
		return nil, err
	}
	return raft.NewRaft(config, nothing{}, log, log, snapshots, transport)
}

// nothing is a state machine that keeps nothing.
type nothing struct{}

func (nothing) Apply(*raft.Log) any                 { return nil }
func (nothing) ApplyBatch(logs []*raft.Log) []any   { return make([]any, len(logs)) }
func (nothing) Snapshot() (raft.FSMSnapshot, error) { return nothing{}, nil }
func (nothing) Restore(r io.ReadCloser) error       { return r.Close() }
func (nothing) Persist(s raft.SnapshotSink) error   { return s.Close() }
func (nothing) Release()                            {}

// bareRaft measures a group of three such nodes.
func bareRaft(ctx context.Context, l load) (_ result, err error) {
	dir, err := os.MkdirTemp("", "rivals-")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	addresses, err := freeAddresses(nodes)
	if err != nil {
		return result{}, err
	}
	var children []*child
	defer func() {
		for _, c := range children {
			err = errors.Join(err, c.stop())
		}
	}()
	for i := range nodes {
		job, err := json.Marshal(raftJob{Node: i, Addresses: addresses, Dir: filepath.Join(dir, fmt.Sprint(i)), Load: l})
		if err != nil {
			return result{}, err
		}
		c, err := startChild(ctx, "raft-node", string(job))
		if err != nil {
			return result{}, err
		}
		children = append(children, c)
	}
	return awaitLeader(children, l)
}

// awaitLeader reads what the nodes print until one has measured.
func awaitLeader(children []*child, l load) (result, error) {
	lines := make(chan string)
	for _, c := range children {
		go func() { // ends when the node does
			for {
				line, err := c.line()
				if err != nil {
					return
				}
				lines <- line
			}
		}()
	}
	next := func() (string, error) {
		select {
		case line := <-lines:
			return line, nil
		case <-time.After(5 * time.Minute):
			return "", errors.New("the nodes have not measured in time")
		}
	}
	for {
		line, err := next()
		if err != nil {
			return result{}, err
		}
		if line == "begin" {
			break
		}
	}
	return measured(children, func() (result, error) {
		line, err := next()
		if err != nil {
			return result{}, err
		}
		var r result
		return r, json.NewDecoder(strings.NewReader(line)).Decode(&r)
	}, l.Events)
}
