package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"weir/edge/edgeclient"
)

const (
	crashKills       = 50
	crashPublishers  = 8
	crashSubscribers = 3
	crashChannel     = "chat:crash"
)

// A spoken is the payload of one publication: who said it, and as which of its own.
type spoken struct {
	Publisher int `json:"publisher"`
	N         int `json:"n"`
}

// The process is killed with -9 at random moments while 8 clients publish, each retrying until it has an ack. No
// acknowledged event may be lost, none stand twice, and all subscribers must see one order.
func TestKillUnderLoad(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("WEIR_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("WEIR_SEED=%d", seed)
	kills := crashKills
	if testing.Short() {
		kills = 5
	}
	s := newServer(t, "--no-demo")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()

	readers := make([]*reader, crashSubscribers)
	for i := range readers {
		readers[i] = startReader(ctx, s)
	}
	speakers := make([]*speaker, crashPublishers)
	stop := make(chan struct{})
	for i := range speakers {
		speakers[i] = startSpeaker(ctx, s, i, stop)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	for range kills {
		pause(ctx, time.Duration(20+rng.IntN(400))*time.Millisecond)
		s.Kill()
		s.restart()
	}
	pause(ctx, 500*time.Millisecond) // some that are never interrupted
	close(stop)

	var acked, last int
	for _, sp := range speakers {
		<-sp.done
		acked += len(sp.acked)
		for _, offset := range sp.acked {
			last = max(last, int(offset))
		}
	}
	for _, r := range readers {
		r.readUntil(ctx, t, uint64(last))
	}
	t.Logf("%d kills, %d events acknowledged, %d in the channel", kills, acked, last)
	checkOrder(t, readers)
	checkAcked(t, speakers, readers[0].events)
	if acked < kills*crashPublishers {
		t.Errorf("%d acknowledgements in %d kills: too few to show anything", acked, kills)
	}
}

// pause lets the load run for a while: the time of a kill is the seed's choice, not a wait for something.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// client connects to the server and is closed at the test's end.
func (s *server) client(ctx context.Context) *edgeclient.Client {
	s.t.Helper()
	info := s.info()
	c, err := edgeclient.Dial(ctx, edgeclient.Config{URL: info.Edge, Token: info.Token, Insecure: true, Logger: quiet()})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// A speaker publishes one event after another until it is stopped.
type speaker struct {
	id    int
	acked map[int]uint64 // offset by n; read after done
	done  chan struct{}
}

func startSpeaker(ctx context.Context, s *server, id int, stop <-chan struct{}) *speaker {
	sp := &speaker{id: id, acked: map[int]uint64{}, done: make(chan struct{})}
	c := s.client(ctx)
	go func() {
		defer close(sp.done)
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			payload, err := json.Marshal(spoken{id, n})
			if err != nil {
				s.t.Error(err)
				return
			}
			receipt, err := c.Publish(ctx, edgeclient.Publication{Channel: crashChannel, Payload: payload})
			if err != nil {
				s.t.Errorf("publisher %d, event %d: %v", id, n, err)
				return
			}
			sp.acked[n] = receipt.Cursor.Offset
		}
	}()
	return sp
}

// A reader follows the channel from its beginning.
type reader struct {
	sub    *edgeclient.Subscription
	events []edgeclient.Message
}

func startReader(ctx context.Context, s *server) *reader {
	s.t.Helper()
	sub, err := s.client(ctx).Subscribe(ctx, crashChannel, edgeclient.SubscribeOptions{Earliest: true})
	if err != nil {
		s.t.Fatal(err)
	}
	return &reader{sub: sub}
}

func (r *reader) readUntil(ctx context.Context, t *testing.T, last uint64) {
	t.Helper()
	for len(r.events) == 0 || r.events[len(r.events)-1].Cursor.Offset < last {
		m, err := r.sub.Next(ctx)
		if err != nil {
			t.Fatalf("after %d events: %v", len(r.events), err)
		}
		switch m.Type {
		case edgeclient.Event:
			r.events = append(r.events, m)
		case edgeclient.Gap:
			t.Fatalf("a gap: %+v", m)
		}
	}
}

// checkOrder checks that all readers saw the same events in the same gap-free order.
func checkOrder(t *testing.T, readers []*reader) {
	t.Helper()
	for i, r := range readers {
		for j, m := range r.events {
			if m.Cursor.Offset != uint64(j+1) {
				t.Fatalf("reader %d: event %d has offset %d", i, j+1, m.Cursor.Offset)
			}
			if j < len(readers[0].events) && string(m.Payload) != string(readers[0].events[j].Payload) {
				t.Fatalf("offset %d is %s for reader %d and %s for reader 0", j+1, m.Payload, i, readers[0].events[j].Payload)
			}
		}
	}
}

// checkAcked checks that every acknowledged event stands once, at the offset of its receipt, and that each publisher's
// events kept their order.
func checkAcked(t *testing.T, speakers []*speaker, events []edgeclient.Message) {
	t.Helper()
	at := map[spoken]uint64{}
	latest := map[int]int{}
	for _, m := range events {
		var what spoken
		if err := json.Unmarshal(m.Payload, &what); err != nil {
			t.Fatal(err)
		}
		if before, twice := at[what]; twice {
			t.Errorf("%+v stands twice, at %d and %d", what, before, m.Cursor.Offset)
		}
		at[what] = m.Cursor.Offset
		if what.N <= latest[what.Publisher] {
			t.Errorf("%+v comes after %d of the same publisher", what, latest[what.Publisher])
		}
		latest[what.Publisher] = what.N
	}
	for _, sp := range speakers {
		for n, offset := range sp.acked {
			if got := at[spoken{sp.id, n}]; got != offset {
				t.Errorf("event %d of publisher %d was acknowledged at %d and stands at %s", n, sp.id, offset, orNowhere(got))
			}
		}
	}
}

func orNowhere(offset uint64) string {
	if offset == 0 {
		return "no offset"
	}
	return fmt.Sprint(offset)
}
