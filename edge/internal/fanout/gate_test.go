package fanout

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/edge/internal/fakefilter"
	"weir/edge/internal/sieve"
)

// twins are two tables with the same subscribers and events, one of them with a filter that goes by routing keys.
type twins struct {
	rigs    [2]*rig
	readers [2][]*reader
	routed  *fakefilter.Routed
}

func newTwins(t *testing.T, rounds int64) *twins {
	w := &twins{routed: &fakefilter.Routed{Range: fakefilter.Range{Rounds: rounds}}}
	for i := range w.rigs {
		w.rigs[i] = newRig(t)
		w.rigs[i].table.ringMost = 64
	}
	return w
}

// subscribe opens a subscription on both, of a range or of two that must agree.
func (w *twins) subscribe(channel string, params ...string) {
	for i, module := range []sieve.Module{&fakefilter.Range{Rounds: w.routed.Rounds}, w.routed} {
		var terms []Term
		for n, p := range params {
			terms = append(terms, w.rigs[i].term(w.rigs[i].newSieve(fmt.Sprint("range", n), module, w.routed.Rounds != 0), p))
		}
		number := uint32(len(w.readers[i]) + 1)
		w.readers[i] = append(w.readers[i], w.rigs[i].subscribe(Request{Channel: channel, Subscription: number, Terms: terms}))
	}
}

func (w *twins) close(i int) {
	for side := range w.rigs {
		w.readers[side][i].Close()
	}
}

// compare has all subscribers read, and reports where the two tables differ.
func (w *twins) compare(t *testing.T) {
	t.Helper()
	for i := range w.readers[0] {
		for {
			plain, routed := w.readers[0][i].Next(nil, 4096), w.readers[1][i].Next(nil, 4096)
			if !bytes.Equal(plain, routed) {
				t.Fatalf("subscriber %d is told\n%q with routing keys, and\n%q without", i, routed, plain)
			}
			if len(plain) == 0 {
				break
			}
		}
	}
}

// Whether a filter goes by routing keys shows in nothing that it delivers.
func TestRoutingKeysDeliverTheSame(t *testing.T) {
	for _, channel := range []string{"log:a", "state:a"} {
		for _, rounds := range []int64{0, 5} {
			synctest.Test(t, func(t *testing.T) {
				r := randomFrom(t, "WEIR_FANOUT_SEED")
				w := newTwins(t, rounds)
				low := func() int { return r.IntN(200) }
				evaluated := func(side int) float64 { return testutil.ToFloat64(w.rigs[side].m.Evaluations) }
				for step := range 400 {
					switch n := len(w.readers[0]); {
					case n < 60 || r.IntN(10) == 0 && n < 90:
						from := low()
						params := []string{fmt.Sprintf("%d:%d", from, from+r.IntN(16))}
						if r.IntN(4) == 0 {
							params = append(params, fmt.Sprintf("%d:%d", from+4, from+40))
						}
						w.subscribe(channel, params...)
					case r.IntN(12) == 0:
						w.close(r.IntN(n))
					}
					payload := fmt.Sprint(low())
					if step%50 == 40 {
						payload = []string{"boom", "text"}[r.IntN(2)]
					}
					key := fmt.Sprint("key", r.IntN(15))
					for _, rig := range w.rigs {
						if step%13 == 12 {
							rig.hub.Delete("acme", channel, key)
						} else {
							rig.hub.Add("acme", channel, key, payload)
						}
					}
					synctest.Wait()
					if step%7 == 0 {
						w.compare(t)
					}
				}
				w.compare(t)
				if all, some := evaluated(0), evaluated(1); some == 0 || some > 0.8*all {
					t.Errorf("%.0f predicates evaluated with routing keys, %.0f without", some, all)
				}
				for i := range w.readers[0] {
					w.close(i)
				}
				for _, rig := range w.rigs {
					rig.table.Close()
				}
			})
		}
	}
}

// What is evaluated is counted, and nothing else.
func TestEvaluationsOfCandidatesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, 0)
		for i := range 30 {
			w.subscribe("log:a", fmt.Sprintf("%d:%d", 10*i, 10*i+9))
		}
		for _, rig := range w.rigs {
			rig.hub.Add("acme", "log:a", "", "42")
		}
		synctest.Wait()
		for side, most := range []float64{30, 2} {
			m := w.rigs[side].m
			if got := testutil.ToFloat64(m.Evaluations); got == 0 || got > most {
				t.Errorf("%v evaluations, want %v", got, most)
			}
			if match, held := testutil.ToFloat64(m.Verdicts.WithLabelValues("match")), testutil.ToFloat64(m.Verdicts.WithLabelValues("held")); match != 1 || held != 29 {
				t.Errorf("%v matches, %v held", match, held)
			}
		}
		if counts := w.routed.Asked.Load(); counts != 2 && counts != 1 {
			t.Errorf("%d params were decided about", counts)
		}
		w.compare(t)
		for i := range w.readers[0] {
			w.close(i)
		}
		for _, rig := range w.rigs {
			rig.table.Close()
		}
	})
}
