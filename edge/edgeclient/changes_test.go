package edgeclient

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// setParams sets params in the background.
func setParams(sub *Subscription, params string) <-chan error {
	done := make(chan error, 1)
	go func() { done <- sub.SetParams(context.Background(), []byte(params)) }()
	synctest.Wait()
	return done
}

func (p *peer) params() *weirpb.Params {
	p.t.Helper()
	return expect(p, frame.Params, new(weirpb.Params))
}

func (p *peer) holds(subscription, revision uint32) {
	p.t.Helper()
	p.send(frame.Batch, &weirpb.Batch{Subscription: subscription, Revision: revision, Cursor: &weirpb.Cursor{Epoch: 1, Offset: 1}})
}

func notYet[T any](t *testing.T, done <-chan T) {
	t.Helper()
	synctest.Wait()
	select {
	case v := <-done:
		t.Errorf("returned %v too early", v)
	default:
	}
}

func filtered(t *testing.T, kind weirpb.ChannelKind) (*fakeServer, *peer, *Subscription) {
	server := newFakeServer(t)
	c := server.client(Config{})
	p, _ := server.welcome()
	return server, p, subscribe(p, c, "planes", kind, SubscribeOptions{Filters: []Filter{{"viewport", 3, []byte("0")}}})
}

func TestSetParams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p, sub := filtered(t, logKind)
		first := setParams(sub, "1")
		equal(t, &weirpb.Params{
			Subscription: 1, Revision: 1, Filters: []*weirpb.FilterRef{{Name: "viewport", Version: 3, Params: []byte("1")}},
		}, p.params())
		p.holds(1, 0)
		notYet(t, first)
		// While one is under way, only the newest of the others is sent.
		second, third := setParams(sub, "2"), setParams(sub, "3")
		p.holds(1, 1)
		if err := <-first; err != nil {
			t.Error(err)
		}
		m := p.params()
		if string(m.GetFilters()[0].GetParams()) != "3" || m.GetRevision() != 2 {
			t.Errorf("sent %v", m)
		}
		notYet(t, second)
		p.holds(1, 2)
		if err := errors.Join(<-second, <-third); err != nil {
			t.Error(err)
		}
	})
}

func TestSetParamsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, p, sub := filtered(t, logKind)
		first := setParams(sub, "bad")
		m := p.params()
		p.send(frame.Error, &weirpb.Error{Subscription: 1, Revision: m.GetRevision(), Fault: fault.New(fault.FilterParams, "no").ToProto()})
		wantCode(t, <-first, fault.FilterParams)
		p.close()
		p, _ = server.welcome()
		if m := p.confirm(logKind); string(m.GetFilters()[0].GetParams()) != "0" {
			t.Errorf("subscribed with %v, want the older params", m.GetFilters())
		}
	})
}

func TestSetParamsGoesOnAcrossSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, p, sub := filtered(t, logKind)
		applied := setParams(sub, "1")
		p.params()
		p.holds(1, 1)
		if err := <-applied; err != nil {
			t.Fatal(err)
		}
		lost := setParams(sub, "2")
		p.params()
		p.close()
		p, _ = server.welcome()
		// A refusal must not cost the subscription: the params that hold, then the others.
		if m := p.confirm(logKind); string(m.GetFilters()[0].GetParams()) != "1" {
			t.Errorf("subscribed with %v", m.GetFilters())
		}
		if m := p.params(); string(m.GetFilters()[0].GetParams()) != "2" || m.GetRevision() != 1 {
			t.Errorf("sent %v", m)
		}
		p.holds(1, 0)
		notYet(t, lost)
		p.holds(1, 1)
		if err := <-lost; err != nil {
			t.Error(err)
		}
	})
}

func TestSetParamsWaitsForTheSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p, sub := filtered(t, stateKind)
		done := setParams(sub, "1")
		p.params()
		begin := view(1, 1, item(itemSnapshot, "a", 1))
		begin.Revision, begin.SnapshotBegin = 1, true
		p.send(frame.Batch, begin)
		notYet(t, done)
		end := view(1, 1)
		end.Revision, end.SnapshotEnd = 1, true
		p.send(frame.Batch, end)
		if err := <-done; err != nil {
			t.Error(err)
		}
		reads(t, sub, "snapshot a 1", "synced")
	})
}

func TestSetFilters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p, sub := filtered(t, logKind)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := sub.SetFilters(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if m := p.params(); len(m.GetFilters()) != 0 {
			t.Errorf("sent %v", m)
		}
		wantCode(t, sub.SetParams(context.Background(), nil), fault.InvalidArgument)
		wantCode(t, sub.SetFilters(context.Background(), Filter{Name: "A!"}), fault.InvalidArgument)
		waiting := make(chan error, 1)
		go func() { waiting <- sub.SetFilters(context.Background(), Filter{Name: "b"}) }()
		synctest.Wait()
		sub.Close()
		if err := <-waiting; !errors.Is(err, ErrUnsubscribed) {
			t.Errorf("error %v", err)
		}
	})
}
