package fanout

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"weir/edge/internal/fakefilter"
	"weir/edge/internal/sieve"
	"weir/proto/weirpb"
)

// The models compare what subscribers are told with what a naive reader of all events would compute. rapid prints the
// seed of a failure.

// A choice is a subscription's filters, for the table and for the oracle.
type choice struct {
	name      string
	low, high int64 // of a range filter; low > high: no filter
	tens      bool  // a second filter that lets all numbers through and shows them rounded down to 5
}

func (c choice) filtered() bool { return c.low <= c.high || c.tens }

// matches is the oracle's opinion.
func (c choice) matches(payload string) bool {
	n, err := strconv.ParseInt(payload, 10, 64)
	if c.filtered() && err != nil {
		return false
	}
	return c.low > c.high || c.low <= n && n <= c.high
}

func (c choice) shows(payload string) string {
	if n, err := strconv.ParseInt(payload, 10, 64); err == nil && c.tens {
		return strconv.FormatInt(n-n%5, 10)
	}
	return payload
}

// A world is a table, its hub and what the oracle knows.
type world struct {
	*rig
	rt      *rapid.T
	channel string
	// plain and tens make terms of the two filters, each in two versions that decide alike, the second by an index.
	plain, tens [2]func(params string) Term
	history     map[uint64][]*weirpb.Event // by epoch: all events
	trimmed     map[uint64]uint64          // by epoch: how many are gone from the window
	epoch       uint64
	number      uint32
	members     []*member
}

// A member is a client with one subscription, which it loses and opens again.
type member struct {
	*reader
	choices map[uint32]choice // by revision
	newest  uint32

	cursor   *weirpb.Cursor // of the last batch; nil: none yet
	began    bool           // the first batch of the present subscription has come
	earliest bool
	held     map[string]string // state channels
	incoming map[string]string // a snapshot under way; nil: none
}

func newWorld(rt *rapid.T, channel string) *world {
	r := newRig(rt)
	r.table.ringMost, r.table.recentMost = 8, 8
	w := &world{
		rig: r, rt: rt, channel: channel, epoch: 1000,
		history: make(map[uint64][]*weirpb.Event), trimmed: make(map[uint64]uint64),
	}
	plains := []sieve.Module{&fakefilter.Range{}, &fakefilter.Routed{}}
	rounding := []sieve.Module{&fakefilter.Range{Rounds: 5}, &fakefilter.Routed{Range: fakefilter.Range{Rounds: 5}}}
	for i, version := range []string{"", " again"} {
		plain := r.newSieve("plain"+version, plains[i], false)
		tens := r.newSieve("tens"+version, rounding[i], true)
		w.plain[i] = func(params string) Term { return r.term(plain, params) }
		w.tens[i] = func(params string) Term { return r.term(tens, params) }
	}
	return w
}

func (w *world) close() {
	for _, m := range w.members {
		m.Close()
	}
	w.table.Close()
}

func (w *world) draw() choice {
	c := choice{name: "all", low: 1, high: 0}
	if rapid.Bool().Draw(w.rt, "filtered") {
		c.low = rapid.Int64Range(0, 9).Draw(w.rt, "low")
		c.high = c.low + rapid.Int64Range(0, 6).Draw(w.rt, "width")
	}
	c.tens = rapid.IntRange(0, 3).Draw(w.rt, "tens") == 0
	return c
}

func (w *world) terms(c choice) []Term {
	var terms []Term
	version := rapid.IntRange(0, 1).Draw(w.rt, "version")
	if c.low <= c.high {
		terms = append(terms, w.plain[version](fmt.Sprintf("%d:%d", c.low, c.high)))
	}
	if c.tens {
		terms = append(terms, w.tens[version]("0:1000"))
	}
	return terms
}

// payload draws a payload: mostly numbers, sometimes text, which filters hold back.
func (w *world) payload() string {
	return rapid.SampledFrom([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "text"}).Draw(w.rt, "payload")
}

func (w *world) publish(key, payload string, tombstone bool) {
	if tombstone {
		w.hub.Delete("acme", w.channel, key)
		payload = ""
	} else {
		w.hub.Add("acme", w.channel, key, payload)
	}
	offset := uint64(len(w.history[w.epoch])) + 1
	w.history[w.epoch] = append(w.history[w.epoch], &weirpb.Event{
		Offset: offset, Key: key, Payload: []byte(payload), Tombstone: tombstone,
	})
}

// end returns where the channel stands.
func (w *world) end() uint64 { return uint64(len(w.history[w.epoch])) }

func (w *world) renew() {
	w.hub.Renew("acme", w.channel)
	w.epoch++
}

// outage cuts the hub off for a while, and waits until it is found again.
func (w *world) outage() {
	w.hub.SetDown(true)
	time.Sleep(3 * time.Second)
	w.hub.SetDown(false)
	time.Sleep(2 * retryLongest)
}

// pick returns one of the members.
func (w *world) pick() *member {
	return w.members[rapid.IntRange(0, len(w.members)-1).Draw(w.rt, "member")]
}

// join gives a member a subscription: its first, or again after it was lost.
func (w *world) join(m *member) {
	request := Request{Channel: w.channel, Terms: w.terms(m.choices[m.newest])}
	m.earliest = false
	switch {
	case m.cursor != nil:
		request.Start, request.Cursor = weirpb.Start_START_CURSOR, m.cursor
	case rapid.Bool().Draw(w.rt, "earliest"):
		request.Start = weirpb.Start_START_EARLIEST
		m.earliest = true
	}
	w.number++
	request.Subscription = w.number
	m.choices = map[uint32]choice{0: m.choices[m.newest]}
	m.newest = 0
	m.reader = w.subscribe(request)
	m.began, m.incoming = false, nil
}

func (w *world) newMember() {
	m := &member{choices: map[uint32]choice{0: w.draw()}, held: make(map[string]string)}
	w.join(m)
	w.members = append(w.members, m)
}

func (w *world) rejoin(m *member) {
	m.Close()
	w.join(m)
}

// change changes a member's filters; a refusal for going too fast is no failure.
func (w *world) change(m *member) {
	c := w.draw()
	if m.Change(w.rt.Context(), w.terms(c), m.newest+1) == nil {
		m.newest++
		m.choices[m.newest] = c
	}
}

// move moves a member to a version, its own or the other; a refusal for going too fast is no failure.
func (w *world) move(m *member) { _ = m.Move(w.rt.Context(), w.terms(m.choices[m.newest])) }

// read has a member read some batches.
func (w *world) read(m *member, check func(*member, *weirpb.Batch)) {
	for range rapid.IntRange(1, 3).Draw(w.rt, "batches") {
		b := m.next(rapid.IntRange(1, 200).Draw(w.rt, "budget"))
		if b == nil {
			return
		}
		w.took(m, b, check)
	}
}

func (w *world) took(m *member, b *weirpb.Batch, check func(*member, *weirpb.Batch)) {
	if _, ok := m.choices[b.GetRevision()]; !ok {
		w.rt.Fatalf("revision %d was never asked for", b.GetRevision())
	}
	check(m, b)
	if b.GetCursor() != nil {
		m.cursor = b.GetCursor()
	}
	m.began = true
}

// settleTicks is how long members may take: after an outage the channel waits up to 7.5 s before it follows again, and
// then a member that has to catch up may have such waits of its own.
const settleTicks = 40

// settle lets all members read until they stand where the channel does, with what they asked for last.
func (w *world) settle(check func(*member, *weirpb.Batch)) {
	for _, m := range w.members {
		for range settleTicks {
			synctest.Wait()
			for b := m.next(4096); b != nil; b = m.next(4096) {
				w.took(m, b, check)
			}
			time.Sleep(tickInterval)
		}
		if m.cursor.GetEpoch() != w.epoch || m.cursor.GetOffset() != w.end() {
			w.rt.Fatalf("a member stands at %v, the channel at %d of epoch %d", m.cursor, w.end(), w.epoch)
		}
	}
}

// inWorld runs a history.
func inWorld(rt *rapid.T, channel string, history func(w *world)) {
	w := newWorld(rt, channel)
	defer w.close()
	history(w)
}

// tb hides that a test has a deadline: rapid would ask for it, and in a bubble there is none.
type tb struct{ testing.TB }

// P5: at every cursor a client holds precisely the keys whose latest event matches.
func TestModelView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(tb{t}, func(rt *rapid.T) { inWorld(rt, "state:model", viewHistory) })
	})
}

func viewHistory(w *world) {
	w.newMember()
	w.rt.Repeat(map[string]func(*rapid.T){
		"": func(*rapid.T) { synctest.Wait() }, // so that a seed always takes the same course
		"publish": func(rt *rapid.T) {
			key := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(rt, "key")
			w.publish(key, w.payload(), rapid.IntRange(0, 5).Draw(rt, "delete") == 0)
		},
		"read":    func(*rapid.T) { w.read(w.pick(), w.checkView) },
		"read on": func(*rapid.T) { w.read(w.pick(), w.checkView) },
		"change":  func(*rapid.T) { w.change(w.pick()) },
		"move":    func(*rapid.T) { w.move(w.pick()) },
		"rejoin":  func(*rapid.T) { w.rejoin(w.pick()) },
		"tick":    func(*rapid.T) { time.Sleep(tickInterval) },
		"join":    func(*rapid.T) { w.joinUpTo(4) },
		"renew":   func(*rapid.T) { w.renew() },
		"outage":  func(*rapid.T) { w.outage() },
	})
	w.outage()
	w.settle(w.checkView)
}

func (w *world) joinUpTo(most int) {
	if len(w.members) < most {
		w.newMember()
	}
}

// checkView applies a batch as the protocol has it, strictly, and compares.
func (w *world) checkView(m *member, b *weirpb.Batch) {
	if b.GetSnapshotBegin() {
		m.incoming = make(map[string]string)
	}
	if !m.began && !b.GetSnapshotBegin() {
		w.rt.Fatalf("the first batch is no snapshot: %v", b)
	}
	for _, i := range b.GetItems() {
		w.applyItem(m, i)
	}
	if b.GetSnapshotEnd() {
		m.held, m.incoming = m.incoming, nil
	}
	if m.incoming != nil {
		if b.GetCursor() != nil {
			w.rt.Fatalf("a cursor within a snapshot: %v", b)
		}
		return
	}
	if want := w.view(b.GetCursor(), m.choices[b.GetRevision()]); !maps.Equal(m.held, want) {
		w.rt.Fatalf("at %v, revision %d (%+v): holds %v, want %v", b.GetCursor(), b.GetRevision(), m.choices[b.GetRevision()], m.held, want)
	}
}

func (w *world) applyItem(m *member, i *weirpb.Item) {
	key, payload := i.GetEvent().GetKey(), string(i.GetEvent().GetPayload())
	_, held := m.held[key]
	switch kind := i.GetKind(); {
	case (m.incoming != nil) != (kind == weirpb.ItemKind_ITEM_KIND_SNAPSHOT):
		w.rt.Fatalf("%s in or out of a snapshot", kind)
	case kind == weirpb.ItemKind_ITEM_KIND_SNAPSHOT:
		m.incoming[key] = payload
	case held == (kind == weirpb.ItemKind_ITEM_KIND_ENTER):
		w.rt.Fatalf("%s of %q, held: %t", kind, key, held)
	case kind == weirpb.ItemKind_ITEM_KIND_LEAVE:
		if payload != "" {
			w.rt.Fatalf("LEAVE with payload %q", payload)
		}
		delete(m.held, key)
	default:
		m.held[key] = payload
	}
}

// view computes what a client holds at a cursor.
func (w *world) view(cursor *weirpb.Cursor, c choice) map[string]string {
	latest := make(map[string]string)
	for _, e := range w.history[cursor.GetEpoch()][:cursor.GetOffset()] {
		if delete(latest, e.GetKey()); !e.GetTombstone() {
			latest[e.GetKey()] = string(e.GetPayload())
		}
	}
	for key, payload := range latest {
		if !c.matches(payload) {
			delete(latest, key)
			continue
		}
		latest[key] = c.shows(payload)
	}
	return latest
}

// P4: every matching event once, in order, or in a gap; and what was held back is counted.
func TestModelLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(tb{t}, func(rt *rapid.T) { inWorld(rt, "log:model", logHistory) })
	})
}

func logHistory(w *world) {
	w.newMember()
	w.rt.Repeat(map[string]func(*rapid.T){
		"":        func(*rapid.T) { synctest.Wait() },
		"publish": func(*rapid.T) { w.publish("", w.payload(), false) },
		"burst": func(rt *rapid.T) {
			for range rapid.IntRange(1, 30).Draw(rt, "burst") {
				w.publish("", w.payload(), false)
			}
		},
		"boom":    func(*rapid.T) { w.publish("", "boom", false) },
		"read":    func(*rapid.T) { w.read(w.pick(), w.checkLog) },
		"read on": func(*rapid.T) { w.read(w.pick(), w.checkLog) },
		"change":  func(*rapid.T) { w.change(w.pick()) },
		"move":    func(*rapid.T) { w.move(w.pick()) },
		"rejoin":  func(*rapid.T) { w.rejoin(w.pick()) },
		"tick":    func(*rapid.T) { time.Sleep(tickInterval) },
		"join":    func(*rapid.T) { w.joinUpTo(4) },
		"trim":    func(rt *rapid.T) { w.trim(rapid.Uint64Range(0, 20).Draw(rt, "kept")) },
		"renew":   func(*rapid.T) { w.renew() },
		"outage":  func(*rapid.T) { w.outage() },
	})
	w.outage()
	w.settle(w.checkLog)
}

func (w *world) trim(kept uint64) {
	if w.end() <= kept {
		return
	}
	w.trimmed[w.epoch] = max(w.trimmed[w.epoch], w.end()-kept)
	w.hub.Trim("acme", w.channel, w.trimmed[w.epoch]+1)
}

// checkLog holds a batch against all events between the cursor before and its own.
func (w *world) checkLog(m *member, b *weirpb.Batch) {
	if b.GetCursor() == nil {
		if len(b.GetItems()) > 0 || b.GetGap() != nil {
			w.rt.Fatalf("a batch that tells something has no cursor: %v", b)
		}
		return // where it begins is not known yet
	}
	epoch, to := b.GetCursor().GetEpoch(), b.GetCursor().GetOffset()
	from := w.startOf(m, b)
	lost := func(offset uint64) bool { return b.GetGap().GetFrom() <= offset && offset <= b.GetGap().GetTo() }
	var want, got []string
	var skipped uint64
	for _, e := range w.history[epoch][from:to] {
		c := m.choices[b.GetRevision()]
		switch {
		case b.GetGap().GetTo() != 0 && lost(e.GetOffset()):
		case c.matches(string(e.GetPayload())):
			want = append(want, fmt.Sprintf("%d %s", e.GetOffset(), c.shows(string(e.GetPayload()))))
		case string(e.GetPayload()) == "boom" && c.filtered():
			w.rt.Fatalf("the filter failed on %d, which is in no gap: %v", e.GetOffset(), b)
		default:
			skipped++
		}
	}
	for _, i := range b.GetItems() {
		got = append(got, fmt.Sprintf("%d %s", i.GetEvent().GetOffset(), i.GetEvent().GetPayload()))
	}
	if !slices.Equal(got, want) || b.GetSkipped() != skipped {
		w.rt.Fatalf("after %d: %v\ndelivers %v and skips %d, want %v and %d", from, b, got, b.GetSkipped(), want, skipped)
	}
}

// startOf returns the offset after which a batch goes on, and checks that its gap is one that may be.
func (w *world) startOf(m *member, b *weirpb.Batch) uint64 {
	epoch, to := b.GetCursor().GetEpoch(), b.GetCursor().GetOffset()
	gap := b.GetGap()
	anew := m.cursor == nil || gap.GetReason() == gapEpochChanged
	if anew {
		live := m.cursor == nil && !m.earliest
		start := to - uint64(len(b.GetItems())) - b.GetSkipped()
		if gap.GetReason() == gapFilterFailed {
			start -= gap.GetTo() - gap.GetFrom() + 1
		}
		if !live && start > w.trimmed[epoch] {
			w.rt.Fatalf("begins after %d, though the window began at %d: %v", start, w.trimmed[epoch]+1, b)
		}
		return start
	}
	if epoch != m.cursor.GetEpoch() || to < m.cursor.GetOffset() {
		w.rt.Fatalf("cursor went from %v to %v without a gap", m.cursor, b.GetCursor())
	}
	switch gap.GetReason() {
	case gapTrimmed, gapTooSlow:
		if gap.GetFrom() != m.cursor.GetOffset()+1 || gap.GetTo() > w.trimmed[epoch] {
			w.rt.Fatalf("after %v a gap of what is in the window: %v", m.cursor, b)
		}
	}
	return m.cursor.GetOffset()
}
