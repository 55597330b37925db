package ingest

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/entry"
	"weir/hub/internal/shard"
	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

type nothing struct{}

func (nothing) Observe(float64) {}

// A fakeLog takes proposals and applies them when the test says so.
type fakeLog struct {
	t       *testing.T
	ingest  *Ingest
	entries []*proposed
	next    uint64
	// emitted lists what followers saw: offsets, "e" and the payload for ephemeral events.
	emitted []string
}

type proposed struct {
	*logpb.Entry
	bytes int
	done  chan error
}

func (p *proposed) Error() error { return <-p.done }

var errNotLeader = errors.New("not the leader")

func newFake(t *testing.T) *fakeLog {
	f := &fakeLog{t: t}
	f.ingest = New(Config{
		Shard: 1, Now: time.Now, Metrics: Metrics{nothing{}, nothing{}, nothing{}},
		Certain: func(err error) bool { return errors.Is(err, errNotLeader) },
		Propose: func(encoded []byte) Future {
			e, err := entry.Decode(encoded)
			if err != nil {
				t.Error(err)
			}
			p := &proposed{Entry: e, bytes: len(encoded), done: make(chan error, 1)}
			f.entries = append(f.entries, p)
			return p
		},
		Emit: func(_ shard.ChannelID, events []*weirpb.Event) {
			for _, e := range events {
				if e.GetOffset() == 0 {
					f.emitted = append(f.emitted, "e"+string(e.GetPayload()))
				} else {
					f.emitted = append(f.emitted, fmt.Sprint(e.GetOffset()))
				}
			}
		},
	}, 41)
	return f
}

// apply applies the oldest entry.
func (f *fakeLog) apply() {
	f.t.Helper()
	if len(f.entries) == 0 {
		f.t.Fatal("there is no entry to apply")
	}
	e := f.entries[0]
	f.entries = f.entries[1:]
	var out []shard.Outcome
	for range e.GetAppend().GetSubmissions() {
		f.next++
		out = append(out, shard.Outcome{Offset: f.next, Event: &weirpb.Event{Offset: f.next}})
	}
	f.ingest.Applied(e.GetProposal(), out)
	e.done <- nil
	synctest.Wait()
}

// fail fails the oldest entry.
func (f *fakeLog) fail(err error) {
	e := f.entries[0]
	f.entries = f.entries[1:]
	e.done <- err
	synctest.Wait()
}

// answers notes how often each item was answered, and how.
type answers struct {
	t   *testing.T
	all map[string]string
}

func (a *answers) done(called string) func(*weirpb.Receipt, error) {
	return func(r *weirpb.Receipt, err error) {
		if said, twice := a.all[called]; twice {
			a.t.Errorf("%s is answered twice: %s, then %v, %v", called, said, r, err)
		}
		if err != nil {
			a.all[called] = string(fault.CodeOf(err))
			return
		}
		a.all[called] = fmt.Sprint(r.GetOffset())
	}
}

func (a *answers) want(called, said string) {
	a.t.Helper()
	if a.all[called] != said {
		a.t.Errorf("%s is answered %q, want %q", called, a.all[called], said)
	}
}

var settings = &logpb.Settings{TenantId: 1}

func (f *fakeLog) submit(a *answers, called string, ephemeral bool, size int) {
	f.ingest.Submit(&Item{
		Settings: settings, Ephemeral: ephemeral, Done: a.done(called),
		Publication: &weirpb.Publication{Channel: "chat", Payload: append([]byte(called), make([]byte, size)...)},
	})
}

func withLog(t *testing.T, f func(*fakeLog, *answers)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log, a := newFake(t), &answers{t: t, all: map[string]string{}}
		f(log, a)
		expired := make(chan struct{})
		applied := make(chan struct{})
		go func() {
			defer close(applied)
			for {
				synctest.Wait()
				if len(log.entries) == 0 {
					return
				}
				log.apply()
			}
		}()
		if !log.ingest.Drain(expired) {
			t.Error("the ingest did not come to an end")
		}
		<-applied
	})
}

func TestNothingWaitsWhenIdle(t *testing.T) {
	withLog(t, func(f *fakeLog, a *answers) {
		began := time.Now()
		f.submit(a, "one", false, 0)
		synctest.Wait()
		f.apply()
		a.want("one", "1")
		if passed := time.Since(began); passed != 0 {
			t.Errorf("it took %v", passed)
		}
	})
}

func TestWhatWaitsSharesAnEntry(t *testing.T) {
	withLog(t, func(f *fakeLog, a *answers) {
		f.submit(a, "first", false, 0)
		synctest.Wait()
		for i := range 100 {
			f.submit(a, fmt.Sprint("later", i), false, 0)
			synctest.Wait()
		}
		if len(f.entries) != 1 {
			t.Fatalf("%d entries are on their way", len(f.entries))
		}
		f.apply()
		if n := len(f.entries[0].GetAppend().GetSubmissions()); n != 100 {
			t.Errorf("the next entry has %d publications", n)
		}
		if n := len(f.entries[0].GetAppend().GetSettings()); n != 1 {
			t.Errorf("it has %d settings", n)
		}
		f.apply()
		a.want("first", "1")
		a.want("later0", "2")
		a.want("later99", "101")
	})
}

func TestLargeEntriesFollowAtOnce(t *testing.T) {
	withLog(t, func(f *fakeLog, a *answers) {
		for i := range inFlight + 2 {
			f.submit(a, fmt.Sprint(i), false, followBytes)
			synctest.Wait()
		}
		if len(f.entries) != inFlight {
			t.Errorf("%d entries are on their way", len(f.entries))
		}
	})
}

// TestThoseAnsweredTogetherShareTheNextEntry has publishers that wait for their acks; one of them has no more to say in the
// end.
func TestThoseAnsweredTogetherShareTheNextEntry(t *testing.T) {
	withLog(t, func(f *fakeLog, a *answers) {
		const took = 4 * time.Millisecond
		f.submit(a, "alone", false, 0)
		synctest.Wait()
		f.submit(a, "a1", false, 0)
		time.Sleep(took)
		f.apply()
		f.submit(a, "b1", false, 0)
		synctest.Wait()
		if len(f.entries) != 1 || len(f.entries[0].GetAppend().GetSubmissions()) != 2 {
			t.Fatalf("those who wait have not gone on with who was answered: %v", f.entries)
		}
		time.Sleep(took)
		f.apply()
		f.submit(a, "a2", false, 0)
		time.Sleep(took/gatherShare - 1)
		synctest.Wait()
		if waiting, _ := f.ingest.Depth(); waiting != 1 {
			t.Fatal("the second one was not waited for")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if len(f.entries) != 1 {
			t.Fatal("the second one is waited for without end")
		}
		f.apply()
		a.want("a2", "4")
	})
}

func TestEntriesAreBounded(t *testing.T) {
	withLog(t, func(f *fakeLog, a *answers) {
		for i := range 40 {
			f.submit(a, fmt.Sprint(i), false, 100<<10)
		}
		for i := 0; i < 40; {
			synctest.Wait()
			e := f.entries[0]
			if e.bytes > EntryBytes+4096 {
				t.Errorf("an entry has %d bytes", e.bytes)
			}
			i += len(e.GetAppend().GetSubmissions())
			f.apply()
		}
		a.want("39", "40")
	})
}

func TestFullQueueIsBusy(t *testing.T) {
	withLog(t, func(f *fakeLog, a *answers) {
		f.submit(a, "first", false, 0)
		synctest.Wait()
		for i := range queueBytes/(100<<10) + 20 {
			f.submit(a, fmt.Sprint(i), false, 100<<10)
		}
		var busy error
		f.ingest.Submit(&Item{
			Settings: settings, Publication: &weirpb.Publication{Payload: make([]byte, 100<<10)},
			Done: func(_ *weirpb.Receipt, err error) { busy = err },
		})
		if refused := fault.From(busy); refused == nil || refused.Code != fault.Busy || refused.RetryAfter == 0 {
			t.Errorf("one more is answered %v", busy)
		}
		a.want("0", "")
	})
}

func TestEphemeralItemsKeepTheirPlace(t *testing.T) {
	withLog(t, func(f *fakeLog, a *answers) {
		f.submit(a, "a", true, 0)
		synctest.Wait()
		a.want("a", "0") // nothing was before it
		f.submit(a, "b", false, 0)
		synctest.Wait()
		f.submit(a, "c", true, 0)
		synctest.Wait()
		a.want("c", "") // it waits for b
		f.submit(a, "d", false, 0)
		f.submit(a, "e", true, 0)
		f.submit(a, "f", false, 0)
		synctest.Wait()
		f.apply()
		a.want("c", "0")
		a.want("d", "")
		for len(f.entries) > 0 {
			f.apply()
		}
		a.want("e", "0")
		if got := fmt.Sprint(f.emitted); got != "[ea 1 ec 2 ee 3]" {
			t.Errorf("emitted are %s", got)
		}
	})
}

func TestFailedEntries(t *testing.T) {
	withLog(t, func(f *fakeLog, a *answers) {
		f.submit(a, "a", false, 0)
		synctest.Wait()
		f.submit(a, "b", true, 0)
		synctest.Wait()
		f.fail(errNotLeader)
		a.want("a", "not_leader")
		a.want("b", "0") // it was never to be logged
		f.submit(a, "c", false, 0)
		synctest.Wait()
		f.fail(errors.New("lost the lead"))
		a.want("c", "timeout")
		f.submit(a, "d", false, 0)
		synctest.Wait()
		f.apply()
		a.want("d", "1")
	})
}

func TestEntryThatIsAppliedAfterItFailed(t *testing.T) {
	withLog(t, func(f *fakeLog, a *answers) {
		f.submit(a, "a", false, 0)
		synctest.Wait()
		e := f.entries[0]
		f.fail(errors.New("lost the lead"))
		f.ingest.Applied(e.GetProposal(), []shard.Outcome{{Offset: 1, Event: &weirpb.Event{Offset: 1}}})
		a.want("a", "timeout")
		if len(f.emitted) != 1 {
			t.Errorf("emitted are %v", f.emitted)
		}
	})
}

func TestDoneMaySubmitTheNext(t *testing.T) {
	withLog(t, func(f *fakeLog, a *answers) {
		count := 0
		var again func(*weirpb.Receipt, error)
		again = func(*weirpb.Receipt, error) {
			if count++; count < 10 {
				f.ingest.Submit(&Item{Settings: settings, Ephemeral: count%2 == 0, Publication: &weirpb.Publication{}, Done: again})
			}
		}
		again(nil, nil)
		for synctest.Wait(); count < 10; synctest.Wait() {
			f.apply()
		}
	})
}

func TestDrainAnswersEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, a := newFake(t), &answers{t: t, all: map[string]string{}}
		for i := range inFlight + 3 {
			f.submit(a, fmt.Sprint(i), false, 0)
			synctest.Wait()
		}
		expired := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(expired) })
		if f.ingest.Drain(expired) {
			t.Error("it came to an end although nothing was applied")
		}
		a.want("0", "timeout")
		a.want(fmt.Sprint(inFlight+2), "unavailable")
		f.submit(a, "late", false, 0)
		a.want("late", "unavailable")
		for _, e := range f.entries {
			e.done <- errNotLeader
		}
	})
}

func TestItemSizeIsThatOfItsEncoding(t *testing.T) {
	for _, p := range []*weirpb.Publication{
		{Channel: "chat"},
		{
			Channel: "chat:a", Key: "k", Payload: make([]byte, 5000), ContentType: "a/b", Producer: "p", Sequence: 1 << 60,
			Headers: []*weirpb.Header{{Name: "n", Value: "v"}, {Name: "n", Value: "v"}},
		},
	} {
		i := &Item{Publication: p}
		if encoded := proto.Size(&logpb.Submission{Settings: 1 << 20, Publication: p}); i.size() < encoded {
			t.Errorf("the size is %d, encoded it is %d", i.size(), encoded)
		}
	}
}
