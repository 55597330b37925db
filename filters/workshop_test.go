package filters

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	wt "weir/filters/internal/wasmtest"
	"weir/proto/fault"
)

// A foundry compiles in virtual time, and notes whose modules in which order.
type foundry struct {
	*workshop
	all   sync.WaitGroup
	mu    sync.Mutex
	order []string
	spent map[string]time.Duration
}

func newFoundry(terms Compiling) *foundry {
	return &foundry{workshop: newWorkshop(terms), spent: map[string]time.Duration{}}
}

// compile has a module compiled that takes a while, and waits for it.
func (f *foundry) compile(owner string, takes time.Duration) error {
	if err := f.enter(owner, true); err != nil {
		return err
	}
	f.mu.Lock()
	f.order = append(f.order, owner)
	f.spent[owner] += takes
	f.mu.Unlock()
	time.Sleep(takes)
	f.leave(owner, takes)
	return nil
}

// submit is compile without waiting, once all that is under way has come to rest.
func (f *foundry) submit(owner string, takes time.Duration) {
	f.all.Go(func() { _ = f.compile(owner, takes) })
	synctest.Wait()
}

func TestWhoUploadsModuleAfterModuleMakesOthersWaitForOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFoundry(Compiling{Burst: time.Hour})
		for range 20 {
			f.submit("greedy", 10*time.Second)
		}
		start := time.Now()
		f.submit("modest", time.Second)
		f.submit("modest", time.Second)
		f.all.Wait()
		if got := strings.Join(f.order[:4], " "); got != "greedy modest modest greedy" {
			t.Errorf("the order is %s", got)
		}
		if took := time.Since(start); took != 202*time.Second {
			t.Errorf("all took %v", took)
		}
	})
}

func TestSharesAreEqual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFoundry(Compiling{Burst: time.Hour})
		for range 30 {
			f.submit("long", 9*time.Second)
			f.submit("short", 3*time.Second)
		}
		time.Sleep(90 * time.Second)
		synctest.Wait()
		f.mu.Lock()
		long, short := f.spent["long"], f.spent["short"]
		f.mu.Unlock()
		if short < 40*time.Second || long > 60*time.Second {
			t.Errorf("in 90 s one has had %v, the other %v", long, short)
		}
		f.all.Wait()
	})
}

func TestWhoHasUsedItsTimeWaitsAndOthersDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFoundry(Compiling{Share: 0.1, Burst: 30 * time.Second})
		start := time.Now()
		for range 4 {
			f.submit("greedy", 10*time.Second)
		}
		f.submit("other", time.Second)
		f.all.Wait() // the third leaves a little of the 30 s, so the fourth need not wait
		if took := time.Since(start); took != 41*time.Second {
			t.Errorf("four modules took %v", took)
		}
		if err := f.enter("greedy", false); fault.CodeOf(err) != fault.Busy || fault.From(err).RetryAfter <= 0 {
			t.Errorf("without patience: %v", err)
		} else if !strings.Contains(fault.From(err).Hint, "upload again in") {
			t.Errorf("the hint is %q", fault.From(err).Hint)
		}
		if err := f.compile("greedy", time.Second); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took < 105*time.Second || took > 115*time.Second {
			t.Errorf("the fifth was done after %v; 37 s were used by then, and 7 s take 70 to come back", took)
		}
		time.Sleep(10 * time.Minute)
		if err := f.compile("greedy", 0); err != nil || len(f.owners) != 0 {
			t.Errorf("%v; %d owners are remembered", err, len(f.owners))
		}
	})
}

func TestFewModulesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFoundry(Compiling{})
		for range 1 + maxOwnersWaiting {
			f.submit("greedy", 0)
		}
		f.all.Wait()
		f.submit("greedy", time.Second)
		for range maxOwnersWaiting {
			f.submit("greedy", 0)
		}
		if err := f.compile("greedy", 0); fault.CodeOf(err) != fault.Busy {
			t.Errorf("one too many: %v", err)
		}
		for i := range maxWaiting - maxOwnersWaiting {
			f.submit(fmt.Sprint("owner-", i), 0)
		}
		if err := f.compile("last", 0); fault.CodeOf(err) != fault.Busy {
			t.Errorf("one too many of all: %v", err)
		}
		f.all.Wait()
	})
}

func TestUploadsOfWhoHasNoTimeLeftAreRefused(t *testing.T) {
	e := newEngine(t, Config{Compiling: Compiling{Burst: 1, Share: 1e-9}})
	upload := func(owner string, n byte) error {
		module := logging(wt.Const(0), wt.Const(int32(n))) // each another module
		_, err := e.InspectFor(t.Context(), module.Bytes(), Terms{Owner: owner})
		return err
	}
	if err := upload("acme", 1); err != nil {
		t.Fatal(err)
	}
	if err := upload("acme", 2); fault.CodeOf(err) != fault.Busy {
		t.Errorf("the second upload: %v", err)
	}
	if err := upload("other", 2); err != nil {
		t.Errorf("another's: %v", err)
	}
}
