package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
)

// A packer is what leads: it sends its followers what has come from clients, one batch at a time, and answers when the first of
// them has.
type packer struct {
	frame     int             // bytes
	followers []chan<- []byte // what each is sent
	taken     chan struct{}   // a follower has a batch
	arrived   chan struct{}   // holds at most one token

	mu      sync.Mutex
	batch   []byte        // guarded by mu; behind room for its length
	count   int           // guarded by mu; of events
	waiting []*quicSender // guarded by mu; those with answers
}

// A quicSender is a client's stream, with the answers that it is to get; guarded by the packer's mu.
type quicSender struct {
	stream  *quic.Stream
	answers []byte
}

func newPacker(ctx context.Context, job quicJob) (*packer, error) {
	p := &packer{
		frame: quicFrame + job.Payload, taken: make(chan struct{}, nodes), arrived: make(chan struct{}, 1), batch: make([]byte, 4),
	}
	for _, address := range job.Followers {
		stream, err := quicDial(ctx, address)
		if err != nil {
			return nil, err
		}
		batches := make(chan []byte, 4) // a follower may be that many behind the other
		p.followers = append(p.followers, batches)
		go func() {
			for b := range batches {
				if _, err := stream.Write(b); err != nil {
					return
				}
			}
		}()
		go func() {
			var b [1]byte
			for {
				if _, err := io.ReadFull(stream, b[:]); err != nil {
					return
				}
				p.taken <- struct{}{}
			}
		}()
	}
	return p, nil
}

// serve takes events from a client.
func (p *packer) serve(stream *quic.Stream) {
	r := bufio.NewReaderSize(stream, 16<<10)
	from := &quicSender{stream: stream}
	frame := make([]byte, p.frame)
	for {
		if _, err := io.ReadFull(r, frame); err != nil {
			return
		}
		p.mu.Lock()
		p.batch = append(p.batch, frame...)
		p.count++
		if len(from.answers) == 0 {
			p.waiting = append(p.waiting, from)
		}
		from.answers = append(from.answers, frame[:quicAnswer]...)
		p.mu.Unlock()
		select {
		case p.arrived <- struct{}{}:
		default:
		}
	}
}

// run packs. As in weir, a batch waits for as many events as were in the last one, for a quarter of the time that it took.
func (p *packer) run() {
	last, took := 1, time.Duration(0)
	for round := 0; ; round++ {
		p.await(last, took/4)
		p.await(1, time.Hour)
		began := time.Now()
		n, answer := p.send()
		<-p.taken
		if round > 0 {
			<-p.taken // of the batch before, by the other follower
		}
		answer()
		last, took = n, time.Since(began)
	}
}

// await waits until n events are there, for so long.
func (p *packer) await(n int, patience time.Duration) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		p.mu.Lock()
		enough := p.count >= n
		p.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-p.arrived:
		case <-timer.C:
			return
		}
	}
}

// send sends a batch of all events that are there.
func (p *packer) send() (events int, answer func()) {
	p.mu.Lock()
	batch, waiting, events := p.batch, p.waiting, p.count
	answers := make([][]byte, len(waiting))
	for i, s := range waiting {
		answers[i], s.answers = s.answers, nil
	}
	p.batch, p.waiting, p.count = make([]byte, 4, len(batch)), nil, 0
	p.mu.Unlock()
	binary.BigEndian.PutUint32(batch, uint32(len(batch)-4))
	for _, f := range p.followers {
		f <- batch
	}
	return events, func() {
		for i, s := range waiting {
			_, _ = s.stream.Write(answers[i]) // one that has gone is not answered
		}
	}
}
