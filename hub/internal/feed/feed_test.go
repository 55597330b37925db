package feed_test

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"weir/hub/internal/feed"
	"weir/hub/internal/shard"
	"weir/proto/weirpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var chat = shard.ChannelID{Tenant: 1, Name: "chat"}

func logged(offsets ...uint64) (all []*weirpb.Event) {
	for _, o := range offsets {
		all = append(all, &weirpb.Event{Offset: o})
	}
	return all
}

func follow(t testing.TB, r *feed.Registry, id shard.ChannelID) *feed.Tail {
	t.Helper()
	tail, release, err := r.Follow(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return tail
}

// next wants events with these offsets.
func next(t testing.TB, tail *feed.Tail, c *feed.Cursor, offsets ...uint64) {
	t.Helper()
	got, err := tail.Next(c)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Events) != len(offsets) || got.Behind {
		t.Fatalf("next are %v (behind: %v), want %v", got.Events, got.Behind, offsets)
	}
	for i, e := range got.Events {
		if e.GetOffset() != offsets[i] {
			t.Fatalf("next are %v, want %v", got.Events, offsets)
		}
	}
}

func TestFollowersShareTheTail(t *testing.T) {
	budget := &feed.Budget{}
	r := feed.NewRegistry(budget)
	tail := follow(t, r, chat)
	a, b := tail.Begin(0), tail.Begin(0)
	r.Emit(chat, logged(1, 2))
	next(t, tail, &a, 1, 2)
	r.Emit(chat, logged(3))
	next(t, tail, &a, 3)
	next(t, tail, &b, 1, 2, 3)
	next(t, tail, &b)
	if r.Live() != 1 || r.Followers() != 1 || budget.Used() == 0 {
		t.Errorf("live %d, followers %d, bytes %d", r.Live(), r.Followers(), budget.Used())
	}
}

func TestEphemeralEventsStandWhereTheyArrived(t *testing.T) {
	r := feed.NewRegistry(&feed.Budget{})
	tail := follow(t, r, chat)
	r.Emit(chat, logged(1, 0, 2))
	early := tail.Begin(0)
	next(t, tail, &early, 1, 2) // the ephemeral one is older than the follower
	r.Emit(chat, logged(0, 3, 0))
	next(t, tail, &early, 0, 3, 0)
	late := tail.Begin(3)
	next(t, tail, &late)
}

func TestFollowerIsBehindWhatTheTailLacks(t *testing.T) {
	r := feed.NewRegistry(&feed.Budget{})
	tail := follow(t, r, chat)
	tail.Known(5)
	c := tail.Begin(3)
	if got, err := tail.Next(&c); err != nil || !got.Behind {
		t.Fatalf("event 4 was before the tail: %+v, %v", got, err)
	}
	r.Emit(chat, logged(6))
	if got, err := tail.Next(&c); err != nil || !got.Behind {
		t.Fatalf("and still is: %+v, %v", got, err)
	}
	c.Offset = 5 // read from the store
	next(t, tail, &c, 6)
	c = tail.Begin(4)
	c.Offset = 6 // the store had more
	next(t, tail, &c)
}

func TestTailIsBounded(t *testing.T) {
	budget := &feed.Budget{}
	r := feed.NewRegistry(budget)
	tail := follow(t, r, chat)
	slow := tail.Begin(0)
	large := make([]byte, 100<<10)
	for o := uint64(1); o <= 200; o++ {
		r.Emit(chat, []*weirpb.Event{{Offset: o, Payload: large}})
	}
	if b := budget.Used(); b > 4<<20+200<<10 {
		t.Errorf("the tail has %d bytes", b)
	}
	if got, err := tail.Next(&slow); err != nil || !got.Behind {
		t.Errorf("the slow follower finds %+v, %v", got, err)
	}
	for o := uint64(201); o <= 20_000; o++ {
		r.Emit(chat, logged(o))
	}
	recent := tail.Begin(20_000 - 4000)
	if got, err := tail.Next(&recent); err != nil || len(got.Events) != 1024 {
		t.Errorf("a recent follower finds %d events, %v", len(got.Events), err)
	}
	old := tail.Begin(20_000 - 5000)
	if got, err := tail.Next(&old); err != nil || !got.Behind {
		t.Errorf("an older one finds %+v, %v", got, err)
	}
}

func TestIdleTailsAreKeptForAWhile(t *testing.T) {
	r := feed.NewRegistry(&feed.Budget{})
	tail, release, err := r.Follow(chat)
	if err != nil {
		t.Fatal(err)
	}
	r.Emit(chat, logged(1))
	release()
	release() // once is enough
	if again := follow(t, r, chat); again != tail {
		t.Error("the tail was not kept")
	}
	for i := range 5000 {
		_, release, err := r.Follow(shard.ChannelID{Tenant: 2, Name: string(rune('a' + i))})
		if err != nil {
			t.Fatal(err)
		}
		release()
	}
	if n := r.Live(); n > 1025 {
		t.Errorf("%d tails are kept", n)
	}
	if again := follow(t, r, chat); again != tail {
		t.Error("a tail that is followed was dropped")
	}
}

func TestEndedTailsTellTheirFollowers(t *testing.T) {
	budget := &feed.Budget{}
	r := feed.NewRegistry(budget)
	tail := follow(t, r, chat)
	other := follow(t, r, shard.ChannelID{Tenant: 2, Name: "chat"})
	c, d := tail.Begin(0), other.Begin(0)
	waits, err := tail.Next(&c)
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("the tenant is gone")
	r.EndTenant(1, why)
	<-waits.Wait
	if _, err := tail.Next(&c); !errors.Is(err, why) {
		t.Errorf("the follower is told %v", err)
	}
	next(t, other, &d)
	r.Emit(chat, logged(1)) // to nobody
	if budget.Used() != 0 {
		t.Errorf("%d bytes are left", budget.Used())
	}
}

// TestFollowersUnderLoad has followers of different speed beside a publisher: each finds every event once, in order, in
// the tail or in the store.
func TestFollowersUnderLoad(t *testing.T) {
	const events, followers = 20_000, 8
	r := feed.NewRegistry(&feed.Budget{})
	tail := follow(t, r, chat)
	var all sync.WaitGroup
	for i := range followers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			c := tail.Begin(0)
			for seen := uint64(0); seen < events; {
				got, err := tail.Next(&c)
				switch {
				case err != nil:
					t.Error(err)
					return
				case got.Behind: // the store has all up to the head; some of it is enough
					seen++
					c.Offset = seen
				case got.Wait != nil:
					<-got.Wait
				}
				for _, e := range got.Events {
					if e.GetOffset() != seen+1 {
						t.Errorf("follower %d got %d after %d", i, e.GetOffset(), seen)
						return
					}
					seen++
				}
				for range random.IntN(3) * i { // the later ones are slower
					runtime.Gosched()
				}
			}
		})
	}
	for o := uint64(1); o <= events; {
		batch := logged(o)
		for o++; o%7 != 0 && o <= events; o++ {
			batch = append(batch, logged(o)...)
		}
		r.Emit(chat, batch)
	}
	all.Wait()
}

func TestEmitAllocatesLittle(t *testing.T) {
	r := feed.NewRegistry(&feed.Budget{})
	follow(t, r, chat)
	one := logged(1)
	n := testing.AllocsPerRun(20_000, func() { r.Emit(chat, one) })
	if n > 0.1 {
		t.Errorf("%.2f allocations an event", n)
	}
	if n := testing.AllocsPerRun(1000, func() { r.Emit(shard.ChannelID{Tenant: 9, Name: "nobody"}, one) }); n != 0 {
		t.Errorf("%.2f allocations for a channel that nobody follows", n)
	}
}
