package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"sync"

	"github.com/quic-go/quic-go"
)

const (
	// quicClients share the publishers, each with a connection, as in weir's own measurement.
	quicClients = 16
	// quicFrame and quicAnswer are what goes over the wire for an event beside its payload, about as much as weir's frames have,
	// in bytes.
	quicFrame, quicAnswer = 90, 24
)

// bareQUIC measures three nodes that do nothing but move events over quic-go: no disk, no Raft, no state. Nothing whose events
// go the same way over it can cost less.
func bareQUIC(ctx context.Context, l load) (_ result, err error) {
	var children []*child
	defer func() {
		for _, c := range children {
			err = errors.Join(err, c.stop())
		}
	}()
	var addresses []string
	for i := range nodes {
		job := quicJob{Payload: l.Payload}
		if i == nodes-1 {
			job.Followers = addresses
		}
		encoded, err := json.Marshal(job)
		if err != nil {
			return result{}, err
		}
		c, err := startChild(ctx, "quic-node", string(encoded))
		if err != nil {
			return result{}, err
		}
		children = append(children, c)
		address, err := c.line()
		if err != nil {
			return result{}, err
		}
		addresses = append(addresses, address)
	}
	publish, err := quicPublishers(ctx, addresses[nodes-1], l)
	if err != nil {
		return result{}, err
	}
	if _, err := closedLoop(ctx, l.warmUp(), publish); err != nil {
		return result{}, err
	}
	return measured(children, func() (result, error) { return closedLoop(ctx, l, publish) }, l.Events)
}

// quicPublishers connects to the node that leads. What it starts ends with the process.
func quicPublishers(ctx context.Context, leader string, l load) (publish func(context.Context, int, []byte) error, err error) {
	clients := make([]*quicClient, min(quicClients, l.Publishers))
	for i := range clients {
		stream, err := quicDial(ctx, leader)
		if err != nil {
			return nil, err
		}
		clients[i] = &quicClient{stream: stream, wake: make(chan struct{}, 1), answered: make([]chan struct{}, l.Publishers)}
		go clients[i].write()
		go clients[i].read()
	}
	for p := range l.Publishers {
		clients[p%len(clients)].answered[p] = make(chan struct{}, 1)
	}
	return func(ctx context.Context, p int, payload []byte) error {
		return clients[p%len(clients)].publish(ctx, p, payload)
	}, nil
}

// A quicClient is a connection with the publishers that share it.
type quicClient struct {
	stream   *quic.Stream
	wake     chan struct{}   // holds at most one token: there are frames
	answered []chan struct{} // by publisher

	mu     sync.Mutex
	frames []byte // guarded by mu
}

func (c *quicClient) publish(ctx context.Context, publisher int, payload []byte) error {
	c.mu.Lock()
	var head [quicFrame]byte
	binary.BigEndian.PutUint32(head[:], uint32(publisher))
	c.frames = append(append(c.frames, head[:]...), payload...)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
	select {
	case <-c.answered[publisher]:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write sends what there is, once whoever is about to publish has done so.
func (c *quicClient) write() {
	var spare []byte
	for range c.wake {
		runtime.Gosched()
		c.mu.Lock()
		frames := c.frames
		c.frames = spare[:0]
		c.mu.Unlock()
		if _, err := c.stream.Write(frames); err != nil {
			return
		}
		spare = frames
	}
}

func (c *quicClient) read() {
	r := bufio.NewReaderSize(c.stream, 16<<10)
	var answer [quicAnswer]byte
	for {
		if _, err := io.ReadFull(r, answer[:]); err != nil {
			return
		}
		c.answered[binary.BigEndian.Uint32(answer[:])] <- struct{}{}
	}
}
