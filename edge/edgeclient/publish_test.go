package edgeclient

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/publisher"
	"weir/proto/weirpb"
)

// published is what came of Publish.
type published struct {
	receipt Receipt
	err     error
}

// publish publishes in the background.
func publish(ctx context.Context, c *Client, channel, payload string) <-chan published {
	done := make(chan published, 1)
	go func() {
		receipt, err := c.Publish(ctx, Publication{Channel: channel, Payload: []byte(payload)})
		done <- published{receipt, err}
	}()
	synctest.Wait()
	return done
}

func (p *peer) publication() *weirpb.Publish {
	p.t.Helper()
	return expect(p, frame.Publish, new(weirpb.Publish))
}

func (p *peer) receipt(m *weirpb.Publish, offset uint64) {
	p.t.Helper()
	p.send(frame.Published, &weirpb.Published{Request: m.GetRequest(), Receipt: &weirpb.Receipt{Epoch: 1, Offset: offset}})
}

func (p *peer) refusal(m *weirpb.Publish, code fault.Code) {
	p.t.Helper()
	p.send(frame.Published, &weirpb.Published{Request: m.GetRequest(), Fault: fault.New(code, "no").ToProto()})
}

// isPublication checks a PUBLISH's payload and sequence.
func isPublication(t *testing.T, m *weirpb.Publish, payload string, sequence uint64) {
	t.Helper()
	if got := string(m.GetPublication().GetPayload()); got != payload || m.GetPublication().GetSequence() != sequence {
		t.Errorf("published %q with sequence %d, want %q with %d", got, m.GetPublication().GetSequence(), payload, sequence)
	}
}

func TestPublishPipelines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcome()
		synctest.Wait()
		var done []<-chan published
		var sent []*weirpb.Publish
		for i, channel := range []string{"chat", "chat", "other"} {
			done = append(done, publish(context.Background(), c, channel, fmt.Sprint(i)))
			sent = append(sent, p.publication())
		}
		isPublication(t, sent[0], "0", 1)
		isPublication(t, sent[1], "1", 2)
		isPublication(t, sent[2], "2", 1)
		for i := range sent {
			p.receipt(sent[len(sent)-1-i], uint64(i+1))
		}
		for i, d := range done {
			if got := <-d; got.err != nil || got.receipt.Cursor != (Cursor{1, uint64(len(sent) - i)}) {
				t.Errorf("publication %d: %+v", i, got)
			}
		}
	})
}

func TestPublishGoesOnAcrossSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		waiting := publish(context.Background(), c, "chat", "early") // before there is a session
		p, hello := server.welcome()
		if hello.GetProducer() != "" {
			t.Errorf("asks for producer %q at first", hello.GetProducer())
		}
		isPublication(t, p.publication(), "early", 1)
		second := publish(context.Background(), c, "chat", "second")
		isPublication(t, p.publication(), "second", 2)
		p.close()

		p, hello = server.welcome()
		if hello.GetProducer() != "fresh" {
			t.Errorf("asks for producer %q, want the one under which two are not answered", hello.GetProducer())
		}
		m := p.publication()
		isPublication(t, m, "early", 1)
		p.send(frame.Published, &weirpb.Published{Request: m.GetRequest(), Receipt: &weirpb.Receipt{Epoch: 1, Offset: 5, Duplicate: true}})
		if got := <-waiting; got.err != nil || !got.receipt.Duplicate || got.receipt.Cursor.Offset != 5 {
			t.Errorf("got %+v", got)
		}
		m = p.publication()
		isPublication(t, m, "second", 2)
		p.receipt(m, 6)
		if got := <-second; got.err != nil {
			t.Error(got.err)
		}
		p.close()
		if _, hello = server.welcome(); hello.GetProducer() != "" {
			t.Errorf("asks for producer %q, though nothing is to be settled", hello.GetProducer())
		}
	})
}

func TestPublishIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcome()
		synctest.Wait()
		first, second := publish(context.Background(), c, "chat", "1"), publish(context.Background(), c, "chat", "2")
		a, b := p.publication(), p.publication()
		p.refusal(a, fault.Busy)
		synctest.Wait()
		if len(p.sent) > 0 {
			t.Error("sent again while one behind it is under way")
		}
		began := time.Now()
		p.refusal(b, fault.SequenceGap)
		a = p.publication()
		isPublication(t, a, "1", 1)
		if waited := time.Since(began); waited < publisher.FirstBackoff {
			t.Errorf("sent again after %s", waited)
		}
		b = p.publication()
		isPublication(t, b, "2", 2)
		p.receipt(a, 1)
		p.receipt(b, 2)
		if got := <-first; got.err != nil {
			t.Error(got.err)
		}
		if got := <-second; got.err != nil {
			t.Error(got.err)
		}
	})
}

func TestRefusalFreesTheNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcome()
		synctest.Wait()
		first, second := publish(context.Background(), c, "chat", "1"), publish(context.Background(), c, "chat", "2")
		a, b := p.publication(), p.publication()
		p.refusal(a, fault.PermissionDenied)
		got := <-first
		wantCode(t, got.err, fault.PermissionDenied)
		p.refusal(b, fault.SequenceGap)
		b = p.publication()
		isPublication(t, b, "2", 1)
		p.receipt(b, 1)
		if got := <-second; got.err != nil {
			t.Error(got.err)
		}
	})
}

func TestPublishGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		never := publish(ctx, c, "chat", "never sent")
		if got := <-never; !errors.Is(got.err, context.DeadlineExceeded) || fault.CodeOf(got.err) == fault.Timeout {
			t.Errorf("never sent: %v", got.err)
		}
		p, _ := server.welcome()
		synctest.Wait()
		ctx, cancel = context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		maybe := publish(ctx, c, "chat", "maybe")
		m := p.publication()
		isPublication(t, m, "maybe", 1)
		got := <-maybe
		wantCode(t, got.err, fault.Timeout)
		p.receipt(m, 1)
		if err := c.Flush(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func TestPublishIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{MaxPending: 2})
		p, _ := server.welcome()
		synctest.Wait()
		for range 2 {
			if _, err := c.PublishAsync(context.Background(), Publication{Channel: "chat"}); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := c.PublishAsync(ctx, Publication{Channel: "chat"})
		wantCode(t, err, fault.Busy)
		done := publish(context.Background(), c, "chat", "third")
		p.receipt(p.publication(), 1)
		p.receipt(p.publication(), 2)
		m := p.publication()
		isPublication(t, m, "third", 3)
		p.receipt(m, 3)
		if got := <-done; got.err != nil {
			t.Error(got.err)
		}
	})
}

func TestPublishesInFlightAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p := server.accept()
		expect(p, frame.Hello, new(weirpb.Hello))
		p.send(frame.Welcome, &weirpb.Welcome{Producer: "a", Limits: &weirpb.Limits{PublishesInFlight: 2}})
		synctest.Wait()
		for range 3 {
			if _, err := c.PublishAsync(context.Background(), Publication{Channel: "chat"}); err != nil {
				t.Fatal(err)
			}
		}
		m := p.publication()
		p.publication()
		synctest.Wait()
		if len(p.sent) > 0 {
			t.Error("more are under way than the server allows")
		}
		p.receipt(m, 1)
		p.publication()
	})
}

func TestEphemeralEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		_, err := c.Publish(context.Background(), Publication{Channel: "chat", Ephemeral: true})
		wantCode(t, err, fault.Unavailable)
		p, _ := server.welcome()
		synctest.Wait()
		pending, err := c.PublishAsync(context.Background(), Publication{Channel: "chat", Ephemeral: true})
		if err != nil {
			t.Fatal(err)
		}
		m := p.publication()
		if m.GetPublication().GetSequence() != 0 || m.GetPublication().GetAck() != weirpb.Ack_ACK_NONE {
			t.Errorf("published %v", m)
		}
		p.close()
		_, err = pending.Wait(context.Background())
		wantCode(t, err, fault.Unavailable)
		p, _ = server.welcome()
		synctest.Wait()
		if len(p.sent) > 0 {
			t.Error("an ephemeral event is sent again")
		}
	})
}

func TestPublishChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		server.welcome()
		synctest.Wait()
		for name, test := range map[string]struct {
			p    Publication
			code fault.Code
		}{
			"channel":      {Publication{Channel: "a b"}, fault.ChannelInvalid},
			"long key":     {Publication{Channel: "a", Key: strings.Repeat("k", 513)}, fault.KeyInvalid},
			"broken key":   {Publication{Channel: "a", Key: "\xff"}, fault.KeyInvalid},
			"broken text":  {Publication{Channel: "a", ContentType: "\xff"}, fault.InvalidArgument},
			"content type": {Publication{Channel: "a", ContentType: strings.Repeat("t", 129)}, fault.InvalidArgument},
			"headers":      {Publication{Channel: "a", Headers: make([]Header, 17)}, fault.InvalidArgument},
			"long headers": {Publication{Channel: "a", Headers: []Header{{"a", strings.Repeat("v", 1024)}}}, fault.InvalidArgument},
			"tombstone":    {Publication{Channel: "a", Key: "k", Delete: true, Payload: []byte("x")}, fault.InvalidArgument},
			"payload":      {Publication{Channel: "a", Payload: make([]byte, 64<<10+1)}, fault.PayloadTooLarge},
			"huge payload": {Publication{Channel: "a", Payload: make([]byte, 256<<10)}, fault.PayloadTooLarge},
		} {
			_, err := c.Publish(context.Background(), test.p)
			if fault.CodeOf(err) != test.code {
				t.Errorf("%s: %v, want %s", name, err, test.code)
			}
		}
	})
}

func TestCloseFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcome()
		synctest.Wait()
		kept := publish(context.Background(), c, "chat", "kept")
		lost := publish(context.Background(), c, "chat", "lost")
		closed := make(chan error, 1)
		go func() { closed <- c.Close() }()
		synctest.Wait()
		p.receipt(p.publication(), 1)
		if got := <-kept; got.err != nil {
			t.Error(got.err)
		}
		began := time.Now()
		if err := <-closed; err == nil || time.Since(began) != closeFlush {
			t.Errorf("Close = %v after %s", err, time.Since(began))
		}
		if got := <-lost; !errors.Is(got.err, ErrClosed) {
			t.Errorf("what was not flushed: %v", got.err)
		}
		p.closedByClient()
		if _, err := c.Publish(context.Background(), Publication{Channel: "chat"}); !errors.Is(err, ErrClosed) {
			t.Errorf("Publish after Close: %v", err)
		}
		if _, err := c.Subscribe(context.Background(), "chat", SubscribeOptions{}); !errors.Is(err, ErrClosed) {
			t.Errorf("Subscribe after Close: %v", err)
		}
	})
}
