package edgeclient

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

const (
	logKind   = weirpb.ChannelKind_CHANNEL_KIND_LOG
	stateKind = weirpb.ChannelKind_CHANNEL_KIND_STATE

	itemSnapshot = weirpb.ItemKind_ITEM_KIND_SNAPSHOT
	itemEnter    = weirpb.ItemKind_ITEM_KIND_ENTER
	itemUpdate   = weirpb.ItemKind_ITEM_KIND_UPDATE
	itemLeave    = weirpb.ItemKind_ITEM_KIND_LEAVE
)

// describe returns a message in few words.
func describe(m Message) string {
	switch m.Type {
	case Event:
		return fmt.Sprint("event ", m.Cursor.Offset)
	case Gap:
		return fmt.Sprintf("gap %s %d-%d", m.Reason, m.From, m.To)
	case Skip:
		return fmt.Sprintf("skip %d", m.Skipped)
	case Synced:
		return "synced"
	case Leave:
		return "leave " + m.Key
	}
	return fmt.Sprintf("%s %s %d", m.Type, m.Key, m.Cursor.Offset)
}

func TestLogChannelGoesOnAcrossSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcome()
		sub := subscribe(p, c, "chat", logKind, SubscribeOptions{Skips: true})
		p.send(frame.Batch, batch(1, 2, 1, 2))
		b := batch(1, 5, 4)
		b.Skipped, b.SkippedBytes = 2, 10
		p.send(frame.Batch, b)
		reads(t, sub, "event 1", "event 2", "event 4", "skip 2")
		if cursor, ok := sub.Cursor(); !ok || cursor != (Cursor{1, 5}) {
			t.Errorf("cursor %v, %v", cursor, ok)
		}

		p.close()
		p, _ = server.welcome()
		m := p.confirm(logKind)
		equal(t, &weirpb.Subscribe{
			Subscription: 1, Channel: "chat", Start: weirpb.Start_START_CURSOR, Cursor: &weirpb.Cursor{Epoch: 1, Offset: 5},
		}, m)
		// Whatever the client had is not told again.
		p.send(frame.Batch, batch(1, 7, 4, 5, 6, 7))
		reads(t, sub, "event 6", "event 7")
		lost := batch(1, 12, 12)
		lost.Gap = &weirpb.Gap{From: 8, To: 11, Reason: "trimmed"}
		p.send(frame.Batch, lost)
		reads(t, sub, "gap trimmed 8-11", "event 12")
		again := batch(1, 1, 1)
		again.Cursor.Epoch = 2
		again.Gap = &weirpb.Gap{Reason: "epoch_changed"}
		p.send(frame.Batch, again)
		reads(t, sub, "gap epoch_changed 0-0", "event 1")
		p.send(frame.Batch, batch(1, 0, 0))
		reads(t, sub, "event 0")
	})
}

// A session that is lost before the first batch must not lose what is published meanwhile.
func TestLiveStartIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcome()
		go c.Subscribe(context.Background(), "chat", SubscribeOptions{})
		m := expect(p, frame.Subscribe, new(weirpb.Subscribe))
		p.send(frame.Subscribed, &weirpb.Subscribed{Subscription: m.GetSubscription(), Channel: &weirpb.Channel{
			Name: "chat", Kind: logKind, Epoch: 7, FirstOffset: 3, NextOffset: 9,
		}})
		synctest.Wait()
		p.close()
		p, _ = server.welcome()
		equal(t, &weirpb.Cursor{Epoch: 7, Offset: 8}, p.confirm(logKind).GetCursor())
	})
}

func TestStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcome()
		for _, test := range []struct {
			opts SubscribeOptions
			want *weirpb.Subscribe
		}{
			{SubscribeOptions{}, &weirpb.Subscribe{Start: weirpb.Start_START_LIVE}},
			{SubscribeOptions{Earliest: true}, &weirpb.Subscribe{Start: weirpb.Start_START_EARLIEST}},
			{SubscribeOptions{After: &Cursor{3, 4}}, &weirpb.Subscribe{
				Start: weirpb.Start_START_CURSOR, Cursor: &weirpb.Cursor{Epoch: 3, Offset: 4},
			}},
			{SubscribeOptions{Filters: []Filter{{"a", 2, []byte("{}")}}}, &weirpb.Subscribe{
				Start: weirpb.Start_START_LIVE, Filters: []*weirpb.FilterRef{{Name: "a", Version: 2, Params: []byte("{}")}},
			}},
		} {
			go c.Subscribe(context.Background(), "chat", test.opts)
			got := p.confirm(logKind)
			got.Subscription, got.Channel = 0, ""
			equal(t, test.want, got)
		}
	})
}

func TestViewIsExactAcrossSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcome()
		sub := subscribe(p, c, "planes", stateKind, SubscribeOptions{})
		if sub.Synced() {
			t.Error("synced before the snapshot")
		}
		p.send(frame.Batch, snapshot(view(1, 3, item(itemSnapshot, "a", 1), item(itemSnapshot, "b", 2), item(itemSnapshot, "c", 3))))
		reads(t, sub, "snapshot a 1", "snapshot b 2", "snapshot c 3", "synced")
		p.send(frame.Batch, view(1, 6, item(itemUpdate, "a", 4), item(itemLeave, "b", 5), item(itemEnter, "d", 6)))
		reads(t, sub, "update a 4", "leave b", "enter d 6")
		if _, held := sub.Get("b"); held || len(sub.View()) != 3 || !sub.Synced() {
			t.Errorf("view %v, synced %v", sub.View(), sub.Synced())
		}

		p.close()
		p, _ = server.welcome()
		equal(t, &weirpb.Cursor{Epoch: 1, Offset: 6}, p.confirm(stateKind).GetCursor())
		// In pieces; c is gone, d is as it was, e is new, a has changed.
		begin := view(1, 9, item(itemSnapshot, "d", 6), item(itemSnapshot, "a", 8))
		begin.SnapshotBegin = true
		p.send(frame.Batch, begin)
		end := view(1, 9, item(itemSnapshot, "e", 9))
		end.SnapshotEnd = true
		p.send(frame.Batch, end)
		reads(t, sub, "update a 8", "enter e 9", "leave c", "synced")
		if m, _ := sub.Get("a"); m.Cursor.Offset != 8 || string(m.Payload) != "a" {
			t.Errorf("a is %+v", m)
		}
	})
}

func TestSubscribeIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcome()
		errs := make(chan error, 1)
		go func() {
			_, err := c.Subscribe(context.Background(), "chat", SubscribeOptions{})
			errs <- err
		}()
		refuse := func(code fault.Code) {
			m := expect(p, frame.Subscribe, new(weirpb.Subscribe))
			p.send(frame.Unsubscribed, &weirpb.Unsubscribed{Subscription: m.GetSubscription(), Fault: fault.New(code, "no").ToProto()})
		}
		began := time.Now()
		refuse(fault.Unavailable)
		refuse(fault.Unavailable)
		refuse(fault.PermissionDenied)
		wantCode(t, <-errs, fault.PermissionDenied)
		if waited := time.Since(began); waited < firstBackoff*3 {
			t.Errorf("tried again within %s", waited)
		}
		for channel, code := range map[string]fault.Code{"": fault.ChannelInvalid, "a b": fault.ChannelInvalid} {
			_, err := c.Subscribe(context.Background(), channel, SubscribeOptions{})
			wantCode(t, err, code)
		}
		_, err := c.Subscribe(context.Background(), "chat", SubscribeOptions{Filters: []Filter{{Name: "A!"}}})
		wantCode(t, err, fault.InvalidArgument)
	})
}

func TestSubscriptionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcome()
		sub := subscribe(p, c, "chat", logKind, SubscribeOptions{})
		p.send(frame.Batch, batch(1, 1, 1))
		synctest.Wait()
		p.send(frame.Unsubscribed, &weirpb.Unsubscribed{Subscription: 1, Fault: fault.New(fault.PermissionDenied, "no more").ToProto()})
		synctest.Wait()
		reads(t, sub, "event 1") // what had come is not lost
		_, err := sub.Next(context.Background())
		wantCode(t, err, fault.PermissionDenied)

		sub = subscribe(p, c, "chat", logKind, SubscribeOptions{})
		sub.Close()
		equal(t, &weirpb.Unsubscribe{Subscription: 2}, expect(p, frame.Unsubscribe, new(weirpb.Unsubscribe)))
		if _, err := sub.Next(context.Background()); !errors.Is(err, ErrUnsubscribed) {
			t.Errorf("Next after Close: %v", err)
		}
		p.send(frame.Batch, batch(2, 1, 1)) // under way; ignored
		synctest.Wait()
		if state := c.Status().State; state != Connected {
			t.Errorf("client is %s", state)
		}
	})
}

// A reader that stalls holds the server up, then its subscription is parked; nothing is lost, and others go on.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{QueueBytes: 1000})
		p, _ := server.welcome()
		slow := subscribe(p, c, "slow", logKind, SubscribeOptions{})
		quick := subscribe(p, c, "quick", logKind, SubscribeOptions{})
		for offset := uint64(1); offset <= 3; offset++ {
			p.send(frame.Batch, batch(1, offset, offset))
		}
		p.send(frame.Batch, batch(1, 4, 4)) // taken from the wire, and does not fit
		began := time.Now()
		p.send(frame.Batch, batch(2, 1, 1))
		if held := time.Since(began); held != stallTime {
			t.Errorf("the server was held up for %s, want %s", held, stallTime)
		}
		equal(t, &weirpb.Unsubscribe{Subscription: 1}, expect(p, frame.Unsubscribe, new(weirpb.Unsubscribe)))
		p.send(frame.Unsubscribed, &weirpb.Unsubscribed{Subscription: 1})
		reads(t, quick, "event 1")
		reads(t, slow, "event 1", "event 2", "event 3")
		m := p.confirm(logKind)
		equal(t, &weirpb.Subscribe{
			Subscription: 3, Channel: "slow", Start: weirpb.Start_START_CURSOR, Cursor: &weirpb.Cursor{Epoch: 1, Offset: 3},
		}, m)
		p.send(frame.Batch, batch(3, 4, 4))
		reads(t, slow, "event 4")
	})
}

func TestReaderInTimeIsNotParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{QueueBytes: 600})
		p, _ := server.welcome()
		sub := subscribe(p, c, "chat", logKind, SubscribeOptions{})
		go func() {
			for offset := uint64(1); offset <= 20; offset++ {
				p.send(frame.Batch, batch(1, offset, offset))
			}
		}()
		for offset := 1; offset <= 20; offset++ {
			time.Sleep(4 * time.Second) // in the bubble's time
			reads(t, sub, fmt.Sprint("event ", offset))
		}
	})
}

func TestMessagesIterates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcome()
		sub := subscribe(p, c, "chat", logKind, SubscribeOptions{})
		p.send(frame.Batch, batch(1, 3, 1, 2, 3))
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var got []string
		for m, err := range sub.Messages(ctx) {
			if err != nil {
				got = append(got, err.Error())
				continue
			}
			got = append(got, describe(m))
			if m.Cursor.Offset == 3 {
				cancel()
			}
		}
		equal(t, []string{"event 1", "event 2", "event 3", "context canceled"}, got)
	})
}

func TestSubscribeGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := c.Subscribe(ctx, "chat", SubscribeOptions{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		p, _ := server.welcome()
		subscribe(p, c, "other", logKind, SubscribeOptions{}) // and not "chat" before it
	})
}
