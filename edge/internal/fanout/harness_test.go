package fanout

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"weir/edge/internal/fakefilter"
	"weir/edge/internal/fakehub"
	"weir/edge/internal/metrics"
	"weir/edge/internal/sieve"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fataler is what *testing.T and *rapid.T share.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// A rig is a table over a hub in memory.
type rig struct {
	t     fataler
	hub   *fakehub.Hub
	table *Table
	m     *metrics.Metrics
}

func newRig(t fataler) *rig {
	t.Helper()
	m, err := metrics.New(prometheus.NewRegistry())
	if err != nil {
		t.Fatalf("metrics: %v", err)
	}
	hub := fakehub.New()
	table := New(Config{
		Upstream: hub, Logger: slog.New(slog.DiscardHandler), Metrics: m,
		Limits: Limits{Channels: 100, GroupsPerChannel: 100, StateBytes: 1 << 30},
	})
	return &rig{t: t, hub: hub, table: table, m: m}
}

// newSieve makes a sieve of a filter in plain Go.
func (r *rig) newSieve(filter string, module sieve.Module, projects bool) *sieve.Sieve {
	id := sieve.ID{Tenant: "acme", Name: filter, Version: 1, Digest: sieve.Digest([]byte(fmt.Sprintf("%-32s", filter)))}
	s := sieve.New(id, module, projects, r.m, slog.New(slog.DiscardHandler))
	_, s.Routes = module.(*fakefilter.Routed)
	return s
}

func (r *rig) term(s *sieve.Sieve, params string) Term {
	r.t.Helper()
	prepared, err := s.Prepare(context.Background(), []byte(params))
	if err != nil {
		r.t.Fatalf("prepare %q: %v", params, err)
	}
	interest, err := s.Interest(context.Background(), prepared)
	if err != nil {
		r.t.Fatalf("interest of %q: %v", params, err)
	}
	return Term{Sieve: s, Prepared: prepared, Interest: interest}
}

// An inbox is a Listener that remembers.
type inbox struct {
	mu    sync.Mutex
	ready int
	ended *fault.Fault
}

func (i *inbox) Ready(*Subscriber) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ready++
}

func (i *inbox) Ended(_ *Subscriber, f *fault.Fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ended = f
}

func (i *inbox) readies() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.ready
}

func (i *inbox) fault() *fault.Fault {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.ended
}

// A reader is a subscriber with its inbox.
type reader struct {
	*Subscriber
	inbox *inbox
	info  *weirpb.Channel
	t     fataler
}

func (r *rig) subscribe(request Request) *reader {
	r.t.Helper()
	reader, err := r.trySubscribe(request)
	if err != nil {
		r.t.Fatalf("subscribe: %v", err)
	}
	return reader
}

func (r *rig) trySubscribe(request Request) (*reader, error) {
	request.Tenant = "acme"
	if request.Subscription == 0 {
		request.Subscription = 1
	}
	in := &inbox{}
	s, info, err := r.table.Subscribe(context.Background(), request, in)
	if err != nil {
		return nil, err
	}
	return &reader{Subscriber: s, inbox: in, info: info, t: r.t}, nil
}

// next reads one batch, nil if there is none.
func (r *reader) next(budget int) *weirpb.Batch {
	r.t.Helper()
	b := r.Next(nil, budget)
	if len(b) == 0 {
		return nil
	}
	frames := frame.NewReader(bytes.NewReader(b), frame.MaxFromServer)
	kind, body, err := frames.Next()
	if err != nil || kind != frame.Batch {
		r.t.Fatalf("read batch: %s, %v", kind, err)
	}
	batch := &weirpb.Batch{}
	if err := frame.Decode(body, batch); err != nil {
		r.t.Fatalf("decode batch: %v", err)
	}
	if _, _, err := frames.Next(); err == nil {
		r.t.Fatalf("more than one frame in a turn")
	}
	return batch
}

// all reads until there is nothing.
func (r *reader) all() []*weirpb.Batch {
	r.t.Helper()
	var batches []*weirpb.Batch
	for {
		b := r.next(16 << 10)
		if b == nil {
			return batches
		}
		batches = append(batches, b)
	}
}

// payloads lists the kinds and payloads of all items of batches.
func payloads(batches []*weirpb.Batch) string {
	var out bytes.Buffer
	for _, b := range batches {
		if g := b.GetGap(); g != nil {
			fmt.Fprintf(&out, "[gap %d-%d %s]", g.GetFrom(), g.GetTo(), g.GetReason())
		}
		for _, i := range b.GetItems() {
			mark := map[weirpb.ItemKind]string{
				weirpb.ItemKind_ITEM_KIND_EVENT: "", weirpb.ItemKind_ITEM_KIND_SNAPSHOT: "=",
				weirpb.ItemKind_ITEM_KIND_ENTER: "+", weirpb.ItemKind_ITEM_KIND_UPDATE: "~", weirpb.ItemKind_ITEM_KIND_LEAVE: "-",
			}[i.GetKind()]
			fmt.Fprintf(&out, "%s%s%s ", mark, i.GetEvent().GetKey(), i.GetEvent().GetPayload())
		}
	}
	return out.String()
}

// randomFrom returns a source seeded by an environment variable, else by chance; a failure says which seed it was.
func randomFrom(t *testing.T, variable string) *rand.Rand {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv(variable), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("%s=%d repeats this", variable, seed)
	return rand.New(rand.NewPCG(seed, 0))
}
