package hubclient

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"weir/hub/internal/linkwire"
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
		c := &Client{outbox: newOutbox(), metrics: m, cfg: Config{Timeout: time.Minute}}
		answered := map[int]int{}
		for i := range 3 {
			c.Publish("acme", &weirpb.Publication{Channel: "chat"}, func(receipt *weirpb.Receipt, err error) {
				if answered[i]++; (receipt == nil) == (err == nil) {
					t.Errorf("done(%v, %v)", receipt, err)
				}
			})
		}
		s := &session{client: c, answers: linkwire.NewReader(bytes.NewReader(input), linkwire.MaxPublished)}
		err = s.read()
		var own *fault.Fault
		var ended *linkwire.Ended
		if !linkwire.IsViolation(err) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) &&
			!errors.As(err, &own) && !errors.As(err, &ended) {
			t.Errorf("read = %v", err)
		}
		for _, e := range c.outbox.close() {
			c.fail(e, errClosed)
		}
		for i := range 3 {
			if answered[i] != 1 {
				t.Errorf("publication %d is answered %d times", i, answered[i])
			}
		}
	})
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
