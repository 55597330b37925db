package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// maxConnections is how many connections the publishers share.
	maxConnections = 16
	// patience is how long a cluster may take to elect its leaders.
	patience = 30 * time.Second
)

// jetStream measures a stream of three replicas in a cluster of three nats-servers.
func jetStream(ctx context.Context, l load) (_ result, err error) {
	dir, err := os.MkdirTemp("", "rivals-")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	children, urls, err := startNATS(ctx, dir, l.Sync)
	defer func() {
		for _, c := range children {
			err = errors.Join(err, c.stop())
		}
	}()
	if err != nil {
		return result{}, err
	}
	publishers, closeAll, err := connect(urls, min(l.Publishers, maxConnections))
	defer closeAll()
	if err != nil {
		return result{}, err
	}
	if err := createStreams(ctx, publishers[0], l.Streams); err != nil {
		return result{}, err
	}
	publish := func(ctx context.Context, p int, payload []byte) error {
		subject := fmt.Sprintf("events.%d.%d", p%l.Streams, p)
		_, err := publishers[p%len(publishers)].Publish(ctx, subject, payload)
		return err
	}
	if _, err := closedLoop(ctx, l.warmUp(), publish); err != nil {
		return result{}, fmt.Errorf("warm up: %w", err)
	}
	return measured(children, func() (result, error) { return closedLoop(ctx, l, publish) }, l.Events)
}

func startNATS(ctx context.Context, dir, sync string) (children []*child, urls string, err error) {
	clients, err := freeAddresses(nodes)
	if err != nil {
		return nil, "", err
	}
	routes, err := freeAddresses(nodes)
	if err != nil {
		return nil, "", err
	}
	for i := range nodes {
		file := filepath.Join(dir, fmt.Sprintf("n%d.conf", i))
		config := natsConfig(filepath.Join(dir, fmt.Sprintf("n%d", i)), i, clients, routes, sync)
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			return children, "", err
		}
		c, err := startChild(ctx, "nats-node", file)
		if err != nil {
			return children, "", err
		}
		children = append(children, c)
	}
	for _, c := range children {
		if _, err := c.line(); err != nil {
			return children, "", err
		}
	}
	return children, strings.Join(clients, ","), nil
}

func connect(urls string, n int) (all []jetstream.JetStream, closeAll func(), err error) {
	var connections []*nats.Conn
	closeAll = func() {
		for _, c := range connections {
			c.Close()
		}
	}
	for range n {
		c, err := nats.Connect(urls)
		if err != nil {
			return nil, closeAll, err
		}
		connections = append(connections, c)
		js, err := jetstream.New(c)
		if err != nil {
			return nil, closeAll, err
		}
		all = append(all, js)
	}
	return all, closeAll, nil
}

// createStreams makes the streams, as soon as the cluster has elected who may.
func createStreams(ctx context.Context, js jetstream.JetStream, n int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for i := range n {
		config := jetstream.StreamConfig{
			Name: fmt.Sprintf("EVENTS%d", i), Subjects: []string{fmt.Sprintf("events.%d.*", i)},
			Replicas: nodes, Storage: jetstream.FileStorage, MaxMsgs: 1_000_000, MaxAge: 10 * time.Minute,
		}
		for {
			attempt, done := context.WithTimeout(ctx, time.Second) // a cluster without a leader does not answer at all
			_, err := js.CreateStream(attempt, config)
			done()
			if err == nil {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("create a stream: %w", err)
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return nil
}
