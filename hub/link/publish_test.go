package link

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"

	"weir/hub/internal/linkwire"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// holdingHub keeps publications for the test to answer.
type holdingHub struct {
	Hub
	held chan func(*weirpb.Receipt, error)
}

func (h *holdingHub) Publish(_ string, _ *weirpb.Publication, done func(*weirpb.Receipt, error)) {
	h.held <- done
}

// newPublishing returns the publish stream of an edge without a connection.
func newPublishing(t testing.TB, hub Hub) *publishing {
	t.Helper()
	s, err := New(Config{Hub: hub, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return &publishing{
		edge: &edge{server: s, log: s.log}, slots: make(chan struct{}, maxInFlight), wake: make(chan struct{}, 1),
	}
}

func publishFrame(t testing.TB, id uint64) []byte {
	t.Helper()
	m := &linkpb.Publish{Id: id, Tenant: "acme", Publication: &weirpb.Publication{Channel: "chat", Payload: []byte("hello")}}
	b, err := frame.Append(nil, linkwire.Publish, m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Beyond its bound the hub stops reading an edge, until the edge has taken answers.
func TestPublicationsInFlightAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &holdingHub{held: make(chan func(*weirpb.Receipt, error), 2*maxInFlight)}
		p := newPublishing(t, h)
		r := linkwire.NewReader(bytes.NewReader(bytes.Repeat(publishFrame(t, 1), maxInFlight+10)), linkwire.MaxPublish)
		read := make(chan error, 1)
		go func() { read <- p.read(t.Context(), r) }()
		synctest.Wait()
		if n := len(h.held); n != maxInFlight {
			t.Errorf("%d publications are in flight, want %d", n, maxInFlight)
		}
		answered, edge := io.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		wrote := make(chan struct{})
		go func() { p.write(ctx, edge); close(wrote) }()
		for range 10 {
			(<-h.held)(&weirpb.Receipt{Offset: 1}, nil)
		}
		synctest.Wait()
		if n := len(h.held); n != maxInFlight-10 {
			t.Errorf("%d more were read though no answer has been taken", n-maxInFlight+10)
		}
		answers := linkwire.NewReader(answered, linkwire.MaxPublished)
		for range 10 {
			if err := answers.Expect(linkwire.Published, &linkpb.Published{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-read; err != nil {
			t.Errorf("read = %v", err)
		}
		cancel()
		_ = answered.Close()
		<-wrote
	})
}

func TestAnswersCarryFaults(t *testing.T) {
	p := newPublishing(t, nil)
	p.answer(1, nil, fault.New(fault.Busy, "full").WithHint("wait"))
	p.answer(2, nil, errors.New("pebble: secret path"))
	p.answer(3, nil, fault.New(fault.KeyInvalid, "key \xff"))
	r := linkwire.NewReader(bytes.NewReader(p.answers), linkwire.MaxPublished)
	for _, want := range []fault.Code{fault.Busy, fault.Internal, fault.Internal} {
		m := &linkpb.Published{}
		if err := r.Expect(linkwire.Published, m); err != nil || fault.Code(m.GetFault().GetCode()) != want {
			t.Errorf("answer = %v, %v, want %s", m, err, want)
		}
		if bytes.Contains([]byte(m.GetFault().GetMessage()), []byte("secret")) {
			t.Errorf("answer = %v", m)
		}
	}
}

// answeringHub accepts everything at once.
type answeringHub struct {
	Hub
	published int
}

func (h *answeringHub) Publish(_ string, _ *weirpb.Publication, done func(*weirpb.Receipt, error)) {
	h.published++
	done(&weirpb.Receipt{Epoch: 1, Offset: uint64(h.published)}, nil)
}

// FuzzPublishStream reads whatever comes as an edge's publications: each is answered once, and the rest is refused.
func FuzzPublishStream(f *testing.F) {
	f.Add(publishFrame(f, 1))
	f.Add(bytes.Repeat(publishFrame(f, 2), 3))
	f.Add([]byte{byte(linkwire.Publish), 0})
	f.Add([]byte{byte(linkwire.Follow), 0})
	f.Add([]byte{byte(linkwire.End), 0})
	f.Fuzz(func(t *testing.T, input []byte) {
		h := &answeringHub{}
		p := newPublishing(t, h)
		err := p.read(t.Context(), linkwire.NewReader(bytes.NewReader(input), linkwire.MaxRequest))
		if err != nil && !linkwire.IsViolation(err) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("read = %v", err)
		}
		if p.count != h.published || len(p.slots) != h.published {
			t.Errorf("%d published, %d answered, %d in flight", h.published, p.count, len(p.slots))
		}
	})
}

func TestAnswerAllocates(t *testing.T) {
	p := newPublishing(t, nil)
	receipt := &weirpb.Receipt{Epoch: 1, Offset: 1}
	n := testing.AllocsPerRun(100, func() {
		p.answers, p.count = p.answers[:0], 0
		p.answer(1, receipt, nil)
	})
	if n > 2 { // the message, and room for the code's label
		t.Errorf("an answer costs %v allocations", n)
	}
}
