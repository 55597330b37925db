package edgeclient

import (
	"context"
	"testing"
	"testing/synctest"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

func TestExpiredProducerIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcomeAs("old", 0)
		synctest.Wait()
		sure := publish(context.Background(), c, "chat", "sure")
		p.refusal(p.publication(), fault.ProducerExpired)
		p.closedByClient()
		p, hello := server.welcomeAs("new", 0)
		if hello.GetProducer() != "" {
			t.Errorf("asks for producer %q", hello.GetProducer())
		}
		m := p.publication()
		isPublication(t, m, "sure", 1)
		p.receipt(m, 1)
		if got := <-sure; got.err != nil {
			t.Error(got.err)
		}

		// What may have been accepted under the old one is not published a second time.
		unsure := publish(context.Background(), c, "chat", "unsure")
		isPublication(t, p.publication(), "unsure", 2)
		p.close()
		p, _ = server.welcome()
		p.refusal(p.publication(), fault.ProducerExpired)
		got := <-unsure
		wantCode(t, got.err, fault.ProducerExpired)
	})
}

// refuseWith refuses a publication with producer_expired, and grants another identity.
func (p *peer) refuseWith(m *weirpb.Publish, granted string) {
	p.t.Helper()
	p.send(frame.Published, &weirpb.Published{
		Request: m.GetRequest(), Fault: fault.New(fault.ProducerExpired, "who?").ToProto(), Producer: granted,
	})
}

func TestExpiredProducerIsReplacedInTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcomeAs("old", 0)
		synctest.Wait()
		first, second := publish(context.Background(), c, "chat", "1"), publish(context.Background(), c, "chat", "2")
		other := publish(context.Background(), c, "other", "3")
		a, b, o := p.publication(), p.publication(), p.publication()
		p.refuseWith(a, "granted")
		p.refuseWith(b, "granted")
		synctest.Wait()
		later := publish(context.Background(), c, "other", "4")
		p.refusal(o, fault.Timeout)
		o = p.publication() // before the identity is given up, it must be found out what came of it
		isPublication(t, o, "3", 1)
		if o.GetPublication().GetProducer() != "" {
			t.Errorf("settled under %q", o.GetPublication().GetProducer())
		}
		p.receipt(o, 1)
		for i, want := range []string{"1", "4", "2"} { // channels take turns
			m := p.publication()
			isPublication(t, m, want, []uint64{1, 1, 2}[i])
			if m.GetPublication().GetProducer() != "granted" {
				t.Errorf("%q is published under %q", want, m.GetPublication().GetProducer())
			}
			p.receipt(m, uint64(i+2))
		}
		for i, done := range []<-chan published{first, second, other, later} {
			if got := <-done; got.err != nil {
				t.Errorf("publication %d: %v", i, got.err)
			}
		}
		select {
		case <-server.links:
			t.Error("another session was opened")
		default:
		}

		// It is the client's identity from now on: in the next session, it is the session's own.
		unsure := publish(context.Background(), c, "chat", "unsure")
		p.publication()
		p.close()
		p, hello := server.welcome()
		if hello.GetProducer() != "granted" {
			t.Errorf("asks for producer %q", hello.GetProducer())
		}
		m := p.publication()
		isPublication(t, m, "unsure", 3)
		if m.GetPublication().GetProducer() != "" {
			t.Errorf("published under %q in a session of that identity", m.GetPublication().GetProducer())
		}
		p.refuseWith(m, "another")
		got := <-unsure
		wantCode(t, got.err, fault.ProducerExpired)
	})
}

// A server whose identities are refused as soon as it has granted them has a wrong clock, or does not reach its hub.
func TestExpiredProducerIsReplacedOnceInTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcomeAs("old", 0)
		synctest.Wait()
		done := publish(context.Background(), c, "chat", "1")
		p.refuseWith(p.publication(), "granted")
		p.refuseWith(p.publication(), "another")
		p.closedByClient()
		p, _ = server.welcomeAs("new", 0)
		m := p.publication()
		isPublication(t, m, "1", 1)
		p.receipt(m, 1)
		if got := <-done; got.err != nil {
			t.Error(got.err)
		}
	})
}

// A publication whose outcome is unknown is refused for good: the number of its first attempt may still be taken. The next
// one must not have it, though nothing waits before it, for it would get the receipt of the other and be lost.
func TestNumberThatMayBeTakenIsNeverUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcomeAs("old", 0)
		synctest.Wait()
		first := publish(context.Background(), c, "chat", "1")
		p.refusal(p.publication(), fault.Timeout) // it is still on its way somewhere
		p.refusal(p.publication(), fault.PermissionDenied)
		got := <-first
		wantCode(t, got.err, fault.PermissionDenied)
		second := publish(context.Background(), c, "chat", "2")
		m := p.publication()
		isPublication(t, m, "2", 2)
		p.refusal(m, fault.SequenceGap) // and arrives now
		p.closedByClient()
		p, hello := server.welcomeAs("new", 0)
		if hello.GetProducer() != "" {
			t.Errorf("asks for producer %q", hello.GetProducer())
		}
		m = p.publication()
		isPublication(t, m, "2", 1)
		p.receipt(m, 2)
		if got := <-second; got.err != nil || got.receipt.Duplicate || got.receipt.Cursor.Offset != 2 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestNumberOfWhatHasExpiredIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcome()
		synctest.Wait()
		first, second := publish(context.Background(), c, "chat", "1"), publish(context.Background(), c, "chat", "2")
		a, b := p.publication(), p.publication()
		p.refusal(a, fault.SequenceExpired)
		got := <-first
		wantCode(t, got.err, fault.SequenceExpired)
		p.refusal(b, fault.Busy)
		b = p.publication()
		isPublication(t, b, "2", 2)
		p.receipt(b, 2)
		if got := <-second; got.err != nil {
			t.Error(got.err)
		}
	})
}
