package linkwire_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/linkwire"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

func TestFramesSurviveTheRoundTrip(t *testing.T) {
	var b bytes.Buffer
	w := linkwire.NewWriter(&b)
	sent := &linkpb.Follow{Tenant: "acme", Channel: "chat", From: &weirpb.Cursor{Epoch: 1, Offset: 2}}
	if err := w.Send(linkwire.Follow, sent, linkwire.MaxRequest); err != nil {
		t.Fatal(err)
	}
	if err := w.SendEnd(fault.New(fault.Busy, "full")); err != nil {
		t.Fatal(err)
	}
	if err := w.SendEnd(nil); err != nil {
		t.Fatal(err)
	}
	r := linkwire.NewReader(&b, linkwire.MaxRequest)
	got := &linkpb.Follow{}
	if err := r.Expect(linkwire.Follow, got); err != nil || !proto.Equal(got, sent) {
		t.Errorf("Expect = %v, %v", got, err)
	}
	var end *linkwire.Ended
	if err := r.Answer(linkwire.Feed, &weirpb.FeedBatch{}); !errors.As(err, &end) || end.Fault.Code != fault.Busy {
		t.Errorf("Answer = %v, want the END with its fault", err)
	}
	if err := r.Answer(linkwire.Feed, &weirpb.FeedBatch{}); !errors.As(err, &end) || end.Fault != nil || linkwire.IsViolation(err) {
		t.Errorf("Answer = %v, want the END", err)
	}
	if err := r.Expect(linkwire.Feed, &weirpb.FeedBatch{}); err != io.EOF {
		t.Errorf("Expect = %v, want EOF", err)
	}
}

func TestViolations(t *testing.T) {
	long, err := frame.Append(nil, linkwire.Feed, &weirpb.FeedBatch{Events: []*weirpb.Event{{Payload: make([]byte, 1000)}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, input := range map[string][]byte{
		"other type":   {byte(linkwire.Control), 0},
		"session type": {byte(frame.Hello), 0},
		"too long":     long,
		"claims more":  {byte(linkwire.Feed), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"no message":   {byte(linkwire.Feed), 1, 0xff},
		"huge type":    {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0},
		"END is noise": {byte(linkwire.End), 1, 0xff},
	} {
		r := linkwire.NewReader(bytes.NewReader(input), 100)
		if err := r.Answer(linkwire.Feed, &weirpb.FeedBatch{}); !linkwire.IsViolation(err) {
			t.Errorf("%s: %v, want a violation", name, err)
		}
	}
	cut := linkwire.NewReader(bytes.NewReader(long[:500]), len(long))
	if err := cut.Expect(linkwire.Feed, &weirpb.FeedBatch{}); !errors.Is(err, io.ErrUnexpectedEOF) || linkwire.IsViolation(err) {
		t.Errorf("cut off: %v, which is no violation: the peer may have died", err)
	}
}

func TestSendRefusesWhatThePeerWould(t *testing.T) {
	var b bytes.Buffer
	err := linkwire.NewWriter(&b).Send(linkwire.Chunk, &linkpb.Chunk{Data: make([]byte, 200)}, 100)
	if fault.CodeOf(err) != fault.Internal || b.Len() > 0 {
		t.Errorf("Send = %v, and %d bytes are out", err, b.Len())
	}
}

func TestSendAllocatesNothing(t *testing.T) {
	w := linkwire.NewWriter(io.Discard)
	batch := &weirpb.FeedBatch{Events: []*weirpb.Event{{Offset: 1, Payload: make([]byte, 200)}}, Cursor: &weirpb.Cursor{Offset: 1}}
	if n := testing.AllocsPerRun(100, func() { _ = w.Send(linkwire.Feed, batch, linkwire.MaxFeed) }); n > 0 {
		t.Errorf("Send allocates %v times", n)
	}
}

// FuzzReader reads whatever comes as each side would: it must end, and take memory for no more than has come.
func FuzzReader(f *testing.F) {
	for _, m := range []struct {
		t frame.Type
		m proto.Message
	}{
		{linkwire.Feed, &weirpb.FeedBatch{Events: []*weirpb.Event{{Offset: 1}}}},
		{linkwire.Publish, &linkpb.Publish{Id: 1, Publication: &weirpb.Publication{Channel: "chat"}}},
		{linkwire.Published, &linkpb.Published{Id: 1, Receipt: &weirpb.Receipt{Offset: 1}}},
		{linkwire.End, &linkpb.End{Fault: &weirpb.Fault{Code: "busy"}}},
	} {
		seed, err := frame.Append(nil, m.t, m.m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	messages := map[frame.Type]func() proto.Message{
		linkwire.Feed:      func() proto.Message { return &weirpb.FeedBatch{} },
		linkwire.Control:   func() proto.Message { return &weirpb.ControlUpdate{} },
		linkwire.Page:      func() proto.Message { return &weirpb.HistoryResponse{} },
		linkwire.Chunk:     func() proto.Message { return &linkpb.Chunk{} },
		linkwire.Publish:   func() proto.Message { return &linkpb.Publish{} },
		linkwire.Published: func() proto.Message { return &linkpb.Published{} },
		linkwire.Follow:    func() proto.Message { return &linkpb.Follow{} },
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		for want, message := range messages {
			r := linkwire.NewReader(bytes.NewReader(input), linkwire.MaxFeed)
			for frames := 0; ; frames++ {
				if err := r.Answer(want, message()); err != nil {
					break
				}
				if frames > len(input)/2 {
					t.Fatalf("%d bytes hold more than %d frames", len(input), frames)
				}
			}
		}
	})
}

// TestReadyWaitsForWholeFrames cuts a stream of two frames everywhere.
func TestReadyWaitsForWholeFrames(t *testing.T) {
	var b bytes.Buffer
	w := linkwire.NewWriter(&b)
	for _, size := range []int{0, 300} {
		if err := w.Send(linkwire.Chunk, &linkpb.Chunk{Data: make([]byte, size)}, linkwire.MaxChunk); err != nil {
			t.Fatal(err)
		}
	}
	for n := 2; n <= b.Len(); n++ {
		r := linkwire.NewPublishReader(bytes.NewReader(b.Bytes()[:n]), linkwire.MaxChunk)
		if r.Ready() {
			t.Fatal("nothing has been read, but a frame is ready")
		}
		if err := r.Expect(linkwire.Chunk, &linkpb.Chunk{}); err != nil {
			t.Fatal(err)
		}
		if whole := n == b.Len(); r.Ready() != whole {
			t.Errorf("with %d of %d bytes, Ready is %v", n, b.Len(), !whole)
		}
	}
}
