package hubclient

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"weir/hub/internal/linkwire"
	"weir/hub/internal/outbox"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// FuzzAnswers reads whatever comes as a hub's answers to three publications: none is answered twice.
func FuzzAnswers(f *testing.F) {
	for _, m := range []*linkpb.Published{
		{Id: 1, Receipt: &weirpb.Receipt{Offset: 1}}, {Id: 2, Fault: &weirpb.Fault{Code: "busy"}}, {Id: 3}, {Id: 4},
	} {
		b, err := frame.Append(nil, linkwire.Published, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(bytes.Repeat(b, 2))
	}
	end, err := frame.Append(nil, linkwire.End, &linkpb.End{Fault: &weirpb.Fault{Code: "unavailable"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(end)
	f.Fuzz(func(t *testing.T, input []byte) {
		m, err := newMetrics(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(Config{Timeout: time.Minute})
		c.metrics = m
		lead(c, 1)
		answered := map[int]int{}
		for i := range 3 {
			c.Publish("acme", &weirpb.Publication{Channel: "chat"}, func(receipt *weirpb.Receipt, err error) {
				if answered[i]++; (receipt == nil) == (err == nil) {
					t.Errorf("done(%v, %v)", receipt, err)
				}
			})
		}
		if sends := c.box.Take(time.Now(), 1, writeSize); len(sends) != 3 {
			t.Fatalf("%d publications are sent", len(sends))
		}
		s := &session{client: c, answers: linkwire.NewPublishReader(bytes.NewReader(input), linkwire.MaxPublished)}
		err = s.read()
		var own *fault.Fault
		var ended *linkwire.Ended
		if !linkwire.IsViolation(err) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) &&
			!errors.As(err, &own) && !errors.As(err, &ended) {
			t.Errorf("read = %v", err)
		}
		c.update(func(time.Time) { c.box.Close(errClosed) })
		for i := range 3 {
			if answered[i] != 1 {
				t.Errorf("publication %d is answered %d times", i, answered[i])
			}
		}
	})
}

// lead makes a session the one to the leader of the only shard.
func lead(c *Client, number outbox.Session) {
	c.update(func(now time.Time) {
		c.box.SetShards(now, 1)
		c.box.SetLeader(now, 1, number, 1)
	})
}

func TestPublishAllocates(t *testing.T) {
	m, err := newMetrics(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(Config{Timeout: time.Minute})
	c.metrics = m
	lead(c, 1)
	p := &weirpb.Publication{Channel: "chat", Payload: make([]byte, 200)}
	s := &session{client: c, number: 1}
	frames := make([]byte, 0, 1<<10)
	n := testing.AllocsPerRun(100, func() {
		c.Publish("acme", p, func(*weirpb.Receipt, error) {})
		for _, send := range s.take() {
			frames = linkwire.AppendPublish(frames[:0], send.Attempt, send.Term, send.Item.Body)
			c.update(func(now time.Time) { c.box.Answer(now, send.Attempt, &weirpb.Receipt{}, nil) })
		}
	})
	// The item and its encoding, its entry and places in two lists, the attempt, what is sent, woken and settled, the receipt.
	if n > 20 {
		t.Errorf("a publication costs %v allocations", n)
	}
	t.Log(n)
}

func TestBackoffGrowsAndIsBounded(t *testing.T) {
	for failures := range 100 {
		if d := backoff(failures); d < firstBackoff/2 || d > lastBackoff {
			t.Errorf("backoff(%d) = %v", failures, d)
		}
	}
	if d := backoff(20); d < lastBackoff/2 {
		t.Errorf("backoff(20) = %v", d)
	}
}
