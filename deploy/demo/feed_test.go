package demo

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// start runs a feed within a synctest bubble; stop ends it and returns what Run returned.
func start(t *testing.T, hub *fakeHub) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		result <- Run(ctx, Config{Hub: hub, Tenant: "dev", Logger: slog.New(slog.DiscardHandler)})
	}()
	return func() error {
		cancel()
		err := <-result
		hub.answering.Wait()
		return err
	}
}

// airborne returns the keys of the flights that the table has in the air, some time ago at least and now.
func airborne(t *testing.T, flights []flight, ago time.Duration) []string {
	t.Helper()
	var keys []string
	for i := range flights {
		_, then := flights[i].progress(virtual(time.Now().Add(-ago)))
		_, now := flights[i].progress(virtual(time.Now()))
		if then && now {
			keys = append(keys, flights[i].key)
		}
	}
	slices.Sort(keys)
	return keys
}

// checkState fails unless the hub has precisely what flies: a second after take-off at the latest, and until a second
// after landing at most.
func checkState(t *testing.T, hub *fakeHub) {
	t.Helper()
	flights, err := loadFlights()
	if err != nil {
		t.Fatal(err)
	}
	got := hub.keys()
	for _, key := range airborne(t, flights, 2*time.Second) {
		if !slices.Contains(got, key) {
			t.Errorf("%s flies, but the hub has no state for it", key)
		}
	}
	flying := map[string]bool{}
	for i := range flights {
		_, then := flights[i].progress(virtual(time.Now().Add(-2 * time.Second)))
		_, now := flights[i].progress(virtual(time.Now()))
		flying[flights[i].key] = then || now
	}
	for _, key := range got {
		if !flying[key] {
			t.Errorf("%s has landed, but the hub still has state for it", key)
		}
	}
	if len(got) < 300 || len(got) > 600 {
		t.Errorf("%d aircraft in the air, want a few hundred", len(got))
	}
}

func TestFeedKeepsTheHubsStateTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newFakeHub()
		stop := start(t, hub)
		for range 5 {
			time.Sleep(7 * time.Second)
			synctest.Wait()
			checkState(t, hub)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		landed := 0
		for _, a := range hub.taken(0) {
			if a.p.Tombstone {
				landed++
			}
		}
		if landed < 50 {
			t.Errorf("%d landings in 35 s, want about 130", landed)
		}
	})
}

func TestFeedIsSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newFakeHub()
		stop := start(t, hub)
		time.Sleep(10 * time.Second)
		began := time.Now()
		before := len(hub.taken(0))
		time.Sleep(4 * time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		tenths := make([]int, 40)
		last := map[string]time.Time{}
		for _, a := range hub.taken(before) {
			if tenth := int(a.at.Sub(began) / (100 * time.Millisecond)); tenth < len(tenths) {
				tenths[tenth]++
			}
			if before, ok := last[a.p.Key]; ok && !a.p.Tombstone {
				if pause := a.at.Sub(before); pause < 900*time.Millisecond || pause > 1100*time.Millisecond {
					t.Fatalf("%s was heard of after %v, want about once a second", a.p.Key, pause)
				}
			}
			last[a.p.Key] = a.at
		}
		if low, high := slices.Min(tenths), slices.Max(tenths); low < 30 || high > 55 {
			t.Errorf("between %d and %d events in a tenth of a second: not even (%v)", low, high, tenths)
		}
	})
}

func TestFeedAdoptsWhatAnEarlierRunHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newFakeHub()
		hub.stateFaults = []error{fault.New(fault.Unavailable, "no leader yet")}
		stop := start(t, hub)
		time.Sleep(5 * time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute) // all of them have landed meanwhile, and the feed was not there to say so
		for _, stray := range []string{"!", "AAA-BBB-99999", "not a flight"} {
			hub.state[stray] = "{}"
		}
		stop = start(t, hub)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		checkState(t, hub)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestFeedSeesTroubleThrough(t *testing.T) {
	// Each trouble begins after a while and ends by itself; what was refused meanwhile must not be missing afterwards.
	troubles := map[string]func(n int) error{
		"busy now and then": func(n int) error {
			if n%97 == 0 {
				return fault.New(fault.Busy, "full").WithRetryAfter(50 * time.Millisecond)
			}
			return nil
		},
		"unavailable for a while": func(n int) error {
			if n > 500 && n < 900 {
				return fault.New(fault.Unavailable, "no leader")
			}
			return nil
		},
		"producer forgotten": func(n int) error {
			if n == 700 {
				return fault.New(fault.ProducerExpired, "who?")
			}
			return nil
		},
	}
	for name, trouble := range troubles {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub := newFakeHub()
				n := 0
				hub.setRefuse(func(*weirpb.Publication) error { n++; return trouble(n) })
				stop := start(t, hub)
				time.Sleep(20 * time.Second)
				hub.setRefuse(nil)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				checkState(t, hub)
				if err := stop(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// A timeout leaves open whether the publication has been accepted; it is sent again and must not be taken twice.
func TestFeedSendsAgainWithoutPublishingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newFakeHub()
		lossy := &lossyHub{fakeHub: hub, every: 50}
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- Run(ctx, Config{Hub: lossy, Tenant: "dev", Logger: slog.New(slog.DiscardHandler)}) }()
		time.Sleep(10 * time.Second)
		cancel()
		if err := <-result; err != nil {
			t.Fatal(err)
		}
		hub.answering.Wait()
		if hub.duplicates == 0 {
			t.Error("nothing was sent again")
		}
		next := map[string]uint64{}
		for _, a := range hub.taken(0) {
			if next[a.p.Producer]++; a.p.Sequence != next[a.p.Producer] {
				t.Fatalf("sequence %d was accepted in place of %d", a.p.Sequence, next[a.p.Producer])
			}
		}
	})
}

// A lossyHub loses one receipt in so many.
type lossyHub struct {
	*fakeHub
	every, n int
}

func (h *lossyHub) Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) {
	h.n++
	lost := h.n%h.every == 0
	h.fakeHub.Publish(tenant, p, func(r *weirpb.Receipt, err error) {
		if lost && err == nil {
			r, err = nil, fault.New(fault.Timeout, "no receipt")
		}
		done(r, err)
	})
}

func TestFeedBoundsWhatIsUnderway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := newFakeHub()
		hub.delay = time.Hour // the hub hangs
		stop := start(t, hub)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(hub.taken(0)); n != window {
			t.Errorf("%d publications underway, want %d", n, window)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestFeedReturnsWhatWillNotPass(t *testing.T) {
	for _, refuseState := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			hub := newFakeHub()
			refusal := fault.New(fault.NamespaceUnknown, "no namespace flights")
			if refuseState {
				hub.stateFaults = []error{refusal}
			} else {
				hub.refuse = func(*weirpb.Publication) error { return refusal }
			}
			err := Run(t.Context(), Config{Hub: hub, Tenant: "dev", Logger: slog.New(slog.DiscardHandler)})
			if !errors.Is(err, refusal) {
				t.Errorf("Run returned %v, want %v", err, refusal)
			}
			hub.answering.Wait()
		})
	}
}

func TestFeedSurvivesAClockThatJumps(t *testing.T) {
	hub := newFakeHub()
	flights, err := loadFlights()
	if err != nil {
		t.Fatal(err)
	}
	f := newFeed(Config{Hub: hub, Tenant: "dev", Logger: slog.New(slog.DiscardHandler)}, flights)
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	f.last = slotAt(now)
	for _, jump := range []time.Duration{5 * time.Hour, -3 * time.Hour, time.Second} {
		now = now.Add(jump)
		before := len(f.outbox.waiting)
		f.catchUp(now)
		if added := len(f.outbox.waiting) - before; added > window {
			t.Errorf("%d publications after a jump of %v, want at most %d", added, jump, window)
		}
	}
	hub.answering.Wait()
}
