package machine_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"weir/hub/internal/entry"
	"weir/hub/internal/machine"
	"weir/hub/internal/placement"
	"weir/hub/internal/shard"
	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

// time0 is when entries are made.
var time0 = time.UnixMilli(100_000_000)

// openIn opens a machine on rows in memory.
func openIn(t testing.TB, rows *store.Memory, b shard.Bounds) *node {
	t.Helper()
	s, err := store.Open("", store.Options{Memory: rows})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{store: s, outcomes: map[uint64]string{}}
	n.Machine, err = machine.New(machine.Config{
		Store: s, Control: true, Shards: []placement.Shard{1}, Bounds: b,
		OnApplied: func(a machine.Applied) { n.outcomes[a.Index] = describe(a) },
		OnFailed:  func(err error) { n.failed = err },
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// read says what a read of a kind gives.
func (n *node) read(r *rand.Rand, nowMs int64) string {
	reader := n.Reader(1)
	id := shard.ChannelID{Tenant: 1 + r.Uint64N(3), Name: []string{"log", "map"}[r.IntN(2)]}
	page := shard.Page{Count: 1 + r.IntN(30), Bytes: 1 + r.IntN(3000)}
	after := r.Uint64N(100 << r.IntN(6))
	switch r.IntN(6) {
	case 0:
		row, err := reader.Channel(id)
		return fmt.Sprintf("channel %v: %v, %v", id, row, err)
	case 1:
		row, events, err := reader.Events(id, after, page)
		return fmt.Sprintf("events of %v after %d: %v, %v, %v", id, after, row, events, err)
	case 2:
		row, events, more, err := reader.Latest(id, fmt.Sprint(r.IntN(6)), page)
		return fmt.Sprintf("latest of %v: %v, %v, %v, %v", id, row, events, more, err)
	case 3:
		in := shard.Range{After: after, FromMs: nowMs - r.Int64N(60_000)}
		s, err := reader.Select(id, in, page, page)
		return fmt.Sprintf("%+v of %v: %v, %v", in, id, s, err)
	case 4:
		row, events, err := reader.LatestOf(id, []string{"1", "3", "5"})
		return fmt.Sprintf("latest of some of %v: %v, %v, %v", id, row, events, err)
	}
	atMs := nowMs - 60_000 + r.Int64N(120_000)
	due, err := reader.Due(atMs, 1+r.IntN(20))
	return fmt.Sprintf("due at %d: %v, %v", atMs, due, err)
}

// A pair is a machine that puts off what it writes, with a small cache, and one that commits each entry at once, with a row for
// each event.
type pair struct {
	t             *testing.T
	random        *rand.Rand
	plain, behind *node
	rows          *store.Memory
	bounds        shard.Bounds
	log           []*raft.Log
	// senders publish in order, and again.
	senders [4]sender
}

// A sender is a producer with the number of its next publication.
type sender struct {
	producer string
	next     uint64
}

// TestWhatIsPutOffIsReadAsIfItWereNot has both apply the same, and one crash now and then.
func TestWhatIsPutOffIsReadAsIfItWereNot(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			p := &pair{t: t, random: r, rows: &store.Memory{}}
			p.bounds = shard.Bounds{Cached: 1 + r.IntN(12), Pending: 1 << (8 + r.IntN(12))}
			p.plain, p.behind = openIn(t, &store.Memory{}, shard.Bounds{Pending: 1, Run: 1}), openIn(t, p.rows, p.bounds)
			looks, crashes := []int{1, 5, 200}[r.IntN(3)], 20+r.IntN(60)
			for _, l := range entries(t, seed, 400) {
				if r.IntN(20) == 0 || !isControl(t, l) { // what control commands change is put off by nobody
					p.apply(l.Data)
				}
				p.publish(timeOf(t, l))
				if r.IntN(crashes) == 0 {
					p.crash()
				}
				if r.IntN(looks) == 0 {
					p.look(timeOf(t, l))
				}
				if r.IntN(10) == 0 {
					p.sweep(timeOf(t, l))
				}
				if r.IntN(10) == 0 {
					_ = p.rows.Flush()
				}
			}
			if !slices.Equal(p.behind.contents(t), p.plain.contents(t)) {
				t.Error("the stores differ")
			}
		})
	}
}

// apply has both apply an entry.
func (p *pair) apply(data []byte) {
	p.t.Helper()
	l := &raft.Log{Index: uint64(len(p.log) + 1), Type: raft.LogCommand, Data: data}
	p.log = append(p.log, l)
	p.plain.apply(p.t, p.random, p.log[l.Index-1:])
	p.plain.contents(p.t) // puts it into the store
	p.behind.apply(p.t, p.random, p.log[l.Index-1:])
	if want, got := p.plain.outcomes[l.Index], p.behind.outcomes[l.Index]; got != want {
		p.t.Fatalf("entry %d becomes %s, not %s", l.Index, got, want)
	}
}

// publish has a sender publish some, and again any of those that it has published. It begins anew when it is refused.
func (p *pair) publish(nowMs int64) {
	p.t.Helper()
	r := p.random
	from := &p.senders[r.IntN(len(p.senders))]
	if from.next == 0 {
		from.next = 1
		from.producer = producer.New(time.UnixMilli(nowMs), strings.NewReader(fmt.Sprintf("%016d", r.Uint32())))
	}
	c := &logpb.Append{Settings: drawSettings(r)[:1]}
	c.Settings[0].TenantId = 50 // which is never dropped
	add := func(sequence uint64) {
		c.Submissions = append(c.Submissions, &logpb.Submission{Publication: &weirpb.Publication{
			Channel: "log", Payload: make([]byte, r.IntN(20)), Producer: from.producer, Sequence: sequence,
		}})
	}
	for range 1 + r.IntN(30) {
		add(from.next)
		from.next++
	}
	for range r.IntN(5) {
		add(1 + r.Uint64N(from.next-1))
	}
	p.applyEntry(&logpb.Entry{TimeMs: nowMs, Shard: 1, Command: &logpb.Entry_Append{Append: c}})
	said := p.plain.outcomes[uint64(len(p.log))]
	if strings.Contains(said, "is too old") || strings.Contains(said, "does not know") || r.IntN(20) == 0 {
		from.next = 0
	}
}

func (p *pair) applyEntry(e *logpb.Entry) {
	p.t.Helper()
	data, err := entry.Encode(e)
	if err != nil {
		p.t.Fatal(err)
	}
	p.apply(data)
}

// crash has the log replayed from its beginning.
func (p *pair) crash() {
	p.t.Helper()
	p.rows.Crash(p.random.IntN(p.rows.Unflushed() + 1))
	p.behind = openIn(p.t, p.rows, p.bounds)
	p.behind.apply(p.t, p.random, p.log)
	for index, got := range p.behind.outcomes {
		if want := p.plain.outcomes[index]; got != want {
			p.t.Fatalf("entry %d becomes %s after a crash, at first it did %s", index, got, want)
		}
	}
}

// look compares what a read finds.
func (p *pair) look(nowMs int64) {
	p.t.Helper()
	look := p.random.Uint64()
	want := p.plain.read(rand.New(rand.NewPCG(look, 0)), nowMs)
	if got := p.behind.read(rand.New(rand.NewPCG(look, 0)), nowMs); got != want {
		p.t.Fatalf("after entry %d:\n%s, not\n%s", len(p.log), got, want)
	}
}

// sweep trims what is due, as a leader would.
func (p *pair) sweep(nowMs int64) {
	p.t.Helper()
	want, err := p.plain.Reader(1).Due(nowMs, 10)
	if err != nil {
		p.t.Fatal(err)
	}
	if got, err := p.behind.Reader(1).Due(nowMs, 10); err != nil || !slices.Equal(got, want) {
		p.t.Fatalf("after entry %d, due are %v, not %v; %v", len(p.log), got, want, err)
	}
	c := &logpb.Trim{Settings: drawSettings(p.random)}
	for _, d := range want {
		c.Due = append(c.Due, &logpb.Due{
			Settings: 1, DueMs: d.DueMs, TenantId: d.ID.Channel.Tenant, Channel: d.ID.Channel.Name, Producer: d.ID.Name,
		})
	}
	p.applyEntry(&logpb.Entry{TimeMs: nowMs, Shard: 1, Command: &logpb.Entry_Trim{Trim: c}})
}

func isControl(t testing.TB, l *raft.Log) bool {
	t.Helper()
	e, err := entry.Decode(l.Data)
	if err != nil {
		t.Fatal(err)
	}
	return e.GetControl() != nil
}

func timeOf(t testing.TB, l *raft.Log) int64 {
	t.Helper()
	e, err := entry.Decode(l.Data)
	if err != nil {
		t.Fatal(err)
	}
	return e.GetTimeMs()
}

// TestWhatIsToldCanBeRead reads on other goroutines what they are told of.
func TestWhatIsToldCanBeRead(t *testing.T) {
	s, err := store.Open("", store.Options{Memory: &store.Memory{}})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan shard.Outcome)
	m, err := machine.New(machine.Config{
		Store: s, Shards: []placement.Shard{1}, Bounds: shard.Bounds{Pending: 2000},
		OnApplied: func(a machine.Applied) {
			if n := len(a.Outcomes); n > 0 {
				told <- a.Outcomes[n-1]
			}
		},
		OnFailed: func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for o := range told {
				row, events, err := m.Reader(1).Events(o.Channel, o.Offset-1, shard.Page{Count: 1, Bytes: 1})
				if err != nil || row.GetNextOffset() <= o.Offset || len(events) != 1 || events[0].GetOffset() != o.Offset {
					t.Errorf("offset %d can't be read: %v, %v, %v", o.Offset, row, events, err)
				}
			}
		})
	}
	for i := range uint64(500) {
		m.Apply([]*raft.Log{publications(t, i+1, fmt.Sprint("chat:", i%3))})
	}
	close(told)
	readers.Wait()
}

// publications makes an entry of three of a producer.
func publications(t testing.TB, index uint64, channel string) *raft.Log {
	t.Helper()
	c := &logpb.Append{Settings: []*logpb.Settings{{
		TenantId: 1, WindowAgeMs: 60_000, WindowBytes: 1 << 20, WindowCount: 1000, DedupeAgeMs: 60_000,
	}}}
	for n := range uint64(3) {
		c.Submissions = append(c.Submissions, &logpb.Submission{Publication: &weirpb.Publication{
			Channel: channel, Payload: []byte("hello"),
			Producer: producer.New(time0, strings.NewReader(fmt.Sprintf("%016d", index))), Sequence: n + 1,
		}})
	}
	data, err := entry.Encode(&logpb.Entry{TimeMs: time0.UnixMilli(), Shard: 1, Command: &logpb.Entry_Append{Append: c}})
	if err != nil {
		t.Fatal(err)
	}
	return &raft.Log{Index: index, Type: raft.LogCommand, Data: data}
}

// TestNothingIsReadOfATornState has an entry fail halfway, at a row that is corrupt.
func TestNothingIsReadOfATornState(t *testing.T) {
	rows := &store.Memory{}
	n := openIn(t, rows, shard.Bounds{})
	retry := publications(t, 1, "chat")
	n.Apply([]*raft.Log{retry})
	damage(t, n.store, "p")
	n = openIn(t, rows, shard.Bounds{})
	n.Apply([]*raft.Log{publications(t, 2, "chat")})
	if _, told := n.outcomes[2]; !told || n.failed != nil {
		t.Fatal(n.outcomes, n.failed)
	}
	retry.Index = 3
	n.Apply([]*raft.Log{retry})
	if !errors.As(n.failed, new(*store.CorruptError)) || n.Applied() != 2 {
		t.Fatalf("at a corrupt row the machine says %v, applied is %d", n.failed, n.Applied())
	}
	if _, err := n.Reader(1).Channel(shard.ChannelID{Tenant: 1, Name: "chat"}); !errors.Is(err, machine.ErrFailed) {
		t.Errorf("a read: %v", err)
	}
	if n.store.Checkpoint("copy") == nil {
		t.Error("there is a checkpoint")
	}
	if err := n.store.Close(); err != nil {
		t.Error(err)
	}
}

// damage changes a bit of each row of a shard's kind.
func damage(t *testing.T, s *store.Store, kind string) {
	t.Helper()
	b := s.NewBatch()
	found := 0
	err := s.View(func(r store.Reader) error {
		return r.ScanSealed(func(key, value []byte) error {
			if !strings.HasPrefix(string(key), "S\x00\x00\x00\x01"+kind) {
				return nil
			}
			found++
			damaged := bytes.Clone(value)
			damaged[len(damaged)-1] ^= 1
			return b.PutSealed(key, damaged)
		})
	})
	if err := errors.Join(err, s.Commit(b)); err != nil || found == 0 {
		t.Fatal(found, err)
	}
}
