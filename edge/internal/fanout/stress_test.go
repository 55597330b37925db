package fanout

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/edge/internal/fakefilter"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A pump is a Listener that wakes its reader.
type pump struct{ wake chan struct{} }

func (p *pump) Ready(*Subscriber) {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *pump) Ended(*Subscriber, *fault.Fault) {}

// Readers, publishers and changes of params at once: for the race detector, and every view is right at its end.
func TestConcurrentViews(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		all := randomFrom(t, "WEIR_SEED")
		r.table.ringMost = 16
		s := r.newSieve("range", &fakefilter.Range{}, false)
		var tasks sync.WaitGroup
		stop := make(chan struct{})
		final := r.term(s, "3:6")
		views := make([]map[string]string, 8)
		for n := range views {
			views[n] = map[string]string{}
			p := &pump{wake: make(chan struct{}, 1)}
			sub, _, err := r.table.Subscribe(t.Context(), Request{Tenant: "acme", Channel: "state:a", Subscription: 1}, p)
			if err != nil {
				t.Fatal(err)
			}
			reader := &reader{Subscriber: sub, t: t}
			tasks.Go(func() { readView(reader, p, views[n], stop) })
			random := rand.New(rand.NewPCG(all.Uint64(), 0))
			tasks.Go(func() {
				for revision := range uint32(50) {
					low := random.IntN(9)
					_ = reader.Change(t.Context(), []Term{r.term(s, fmt.Sprintf("%d:%d", low, low+3))}, revision+1)
					time.Sleep(time.Millisecond)
				}
				if err := reader.Change(t.Context(), []Term{final}, 100); err != nil {
					t.Errorf("last change: %v", err)
				}
			})
			defer sub.Close()
		}
		want := map[string]string{}
		for i := range 2000 {
			key, n := fmt.Sprint("key-", all.IntN(40)), all.IntN(10)
			r.hub.Add("acme", "state:a", key, fmt.Sprint(n))
			if delete(want, key); 3 <= n && n <= 6 {
				want[key] = fmt.Sprint(n)
			}
			if i%50 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		time.Sleep(5 * tickInterval)
		synctest.Wait()
		close(stop)
		tasks.Wait()
		for n, view := range views {
			if !maps.Equal(view, want) {
				t.Errorf("view %d holds %v, want %v", n, view, want)
			}
		}
	})
}

// readView applies what comes to a view, until stop.
func readView(r *reader, p *pump, view map[string]string, stop chan struct{}) {
	incoming := view
	for {
		for b := r.next(300); b != nil; b = r.next(300) {
			if b.GetSnapshotBegin() {
				incoming = map[string]string{}
			}
			for _, i := range b.GetItems() {
				if i.GetKind() == weirpb.ItemKind_ITEM_KIND_LEAVE {
					delete(incoming, i.GetEvent().GetKey())
				} else {
					incoming[i.GetEvent().GetKey()] = string(i.GetEvent().GetPayload())
				}
			}
			if b.GetSnapshotEnd() {
				clear(view)
				maps.Copy(view, incoming)
				incoming = view
			}
		}
		select {
		case <-p.wake:
		case <-stop:
			return
		}
	}
}
