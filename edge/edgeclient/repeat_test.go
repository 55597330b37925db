package edgeclient

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"weir/proto/fault"
)

const earlierProducer = "1a2b3c-00000000000000000000000000000001"

// TestAnotherClientRepeatsWhatHasNoReceipt loses a client with a publication under way.
func TestAnotherClientRepeatsWhatHasNoReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcomeAs(earlierProducer, 0)
		synctest.Wait()
		pending, err := c.PublishAsync(context.Background(), Publication{Channel: "chat", Payload: []byte("1")})
		if err != nil {
			t.Fatal(err)
		}
		isPublication(t, p.publication(), "1", 1)
		now, cancel := context.WithCancel(context.Background())
		cancel()
		began := time.Now()
		if err := c.Shutdown(now); err == nil || time.Since(began) > time.Second {
			t.Errorf("shut down with %v after %s", err, time.Since(began))
		}
		<-pending.Done()
		identity, sequence, open := pending.Identity()
		if identity != earlierProducer || sequence != 1 || !open {
			t.Fatalf("left as %q, %d, open %t", identity, sequence, open)
		}

		again := server.client(Config{Producer: identity})
		p, hello := server.welcomeAs(identity, 0)
		if hello.GetProducer() != identity {
			t.Errorf("asks for producer %q", hello.GetProducer())
		}
		synctest.Wait()
		pending, err = again.PublishAsync(context.Background(), Publication{Channel: "chat", Payload: []byte("1"), Sequence: sequence})
		if err != nil {
			t.Fatal(err)
		}
		m := p.publication()
		isPublication(t, m, "1", 1)
		if m.GetPublication().GetProducer() != "" {
			t.Errorf("names the session's own producer %q", m.GetPublication().GetProducer())
		}
		p.receipt(m, 7)
		if receipt, err := pending.Wait(context.Background()); err != nil || receipt.Cursor.Offset != 7 {
			t.Errorf("%+v, %v", receipt, err)
		}
		if _, _, open := pending.Identity(); open {
			t.Error("open with a receipt")
		}
		next := publish(context.Background(), again, "chat", "2")
		m = p.publication()
		isPublication(t, m, "2", 2)
		p.receipt(m, 8)
		if got := <-next; got.err != nil {
			t.Error(got.err)
		}
		_, err = again.PublishAsync(context.Background(), Publication{Channel: "chat", Payload: []byte("2"), Sequence: 2})
		wantCode(t, err, fault.InvalidArgument)
	})
}

// TestNothingIsRepeatedUnderAnotherIdentity has the server not keep the earlier one, and then forget it.
func TestNothingIsRepeatedUnderAnotherIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{Producer: earlierProducer})
		server.welcomeAs("another", 0)
		synctest.Wait()
		_, err := c.PublishAsync(context.Background(), Publication{Channel: "chat", Sequence: 3})
		wantCode(t, err, fault.ProducerExpired)

		c = server.client(Config{Producer: earlierProducer})
		p, _ := server.welcomeAs(earlierProducer, 0)
		synctest.Wait()
		pending, err := c.PublishAsync(context.Background(), Publication{Channel: "chat", Sequence: 3})
		if err != nil {
			t.Fatal(err)
		}
		p.refusal(p.publication(), fault.ProducerExpired)
		_, err = pending.Wait(context.Background())
		wantCode(t, err, fault.ProducerExpired)
		p.closedByClient()
		if _, hello := server.welcome(); hello.GetProducer() != "" {
			t.Errorf("asks again for %q", hello.GetProducer())
		}
	})
}

// TestWhatWasNeverSentIsNotOpen ends a client that has no session.
func TestWhatWasNeverSentIsNotOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		pending, err := c.PublishAsync(context.Background(), Publication{Channel: "chat"})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, open := pending.Identity(); open {
			t.Error("open without a session")
		}
		now, cancel := context.WithCancel(context.Background())
		cancel()
		_ = c.Shutdown(now)
		<-pending.Done()
		if _, _, open := pending.Identity(); open {
			t.Error("open though it was never sent")
		}
	})
}
