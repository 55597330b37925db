package shard

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"weir/hub/internal/sequence"
	"weir/hub/internal/store"
	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

const now = int64(10_000_000)

func TestRetriesWithinOneBatchAndAfterIt(t *testing.T) {
	r := newRig(t)
	defer r.close()
	p := &weirpb.Publication{Channel: "log", Producer: producerOf(1, now), Sequence: 1}
	out := r.publish(now, logSettings(1), p, p)
	if out[0].Duplicate || !out[1].Duplicate || out[0].Offset != 1 || out[1].Offset != 1 || out[1].TimeMs != now {
		t.Fatalf("within the batch: %+v", out)
	}
	if err := r.shard.Reload(); err != nil {
		t.Fatal(err)
	}
	out = r.publish(now+5, logSettings(1), p)
	if !out[0].Duplicate || out[0].Offset != 1 || out[0].TimeMs != now || out[0].Event != nil {
		t.Fatalf("after it: %+v", out)
	}
}

func TestOnlyTheLastPublicationsAreRemembered(t *testing.T) {
	r := newRig(t)
	defer r.close()
	settings := logSettings(1)
	from := producerOf(1, now)
	var all []*weirpb.Publication
	for n := uint64(1); n <= sequence.Remembered+500; n++ {
		all = append(all, &weirpb.Publication{Channel: "log", Producer: from, Sequence: n})
	}
	r.publish(now, settings, all...)
	for n, want := range map[uint64]fault.Code{1: fault.SequenceExpired, 500: fault.SequenceExpired, 501: "", 1024: "", 1524: "", 1526: fault.SequenceGap} {
		o := r.publish(now, settings, &weirpb.Publication{Channel: "log", Producer: from, Sequence: n})[0]
		var got fault.Code
		if o.Fault != nil {
			got = o.Fault.Code
		}
		if got != want || want == "" && (!o.Duplicate || o.Offset != n) {
			t.Errorf("publication %d: %+v, want %q", n, o, want)
		}
	}
}

func TestForgottenProducersLeaveNothingBehind(t *testing.T) {
	r := newRig(t)
	defer r.close()
	settings := logSettings(1)
	before := len(rows(t, r.store))
	for n := uint64(1); n <= 20; n++ { // a page is full
		r.publish(now, settings, &weirpb.Publication{Channel: "log", Producer: producerOf(1, now), Sequence: n})
	}
	later := now
	for range 10 {
		later += 40_000
		r.sweep(later, func(ChannelID) *logpb.Settings { return settings })
	}
	all := rows(t, r.store)
	if len(all) != before+1 { // the channel's own row stays
		t.Errorf("left are %q", all)
	}
	o := r.publish(later, settings, &weirpb.Publication{Channel: "log", Producer: producerOf(1, now), Sequence: 1})[0]
	if !errors.Is(o.Fault, fault.New(fault.ProducerExpired, "")) {
		t.Errorf("the forgotten producer's retry: %+v", o)
	}
}

func TestTimesNeverRunBackwards(t *testing.T) {
	r := newRig(t)
	defer r.close()
	p := &weirpb.Publication{Channel: "log"}
	first := r.publish(now, logSettings(1), p)[0]
	second := r.publish(now-5000, logSettings(1), p)[0]
	if second.TimeMs < first.TimeMs {
		t.Errorf("%d comes after %d", second.TimeMs, first.TimeMs)
	}
}

func TestStateChannelIsFullAtItsBoundOfKeys(t *testing.T) {
	r := newRig(t)
	defer r.close()
	settings := stateSettings(1)
	var all []*weirpb.Publication
	for i := range 6 {
		all = append(all, &weirpb.Publication{Channel: "map", Key: fmt.Sprint(i)})
	}
	out := r.publish(now, settings, all...)
	if out[4].Fault != nil || !errors.Is(out[5].Fault, fault.New(fault.StateFull, "")) {
		t.Fatalf("the fifth and sixth key: %+v", out[4:])
	}
	out = r.publish(now, settings, &weirpb.Publication{Channel: "map", Key: "0", Tombstone: true}, all[5], all[5])
	for i, o := range out {
		if o.Fault != nil {
			t.Errorf("publication %d after one key was deleted: %v", i, o.Fault)
		}
	}
}

func TestKindChangesOnceNothingIsKept(t *testing.T) {
	r := newRig(t)
	defer r.close()
	p := &weirpb.Publication{Channel: "chat", Key: "k"}
	r.publish(now, logSettings(1), p)
	if o := r.publish(now, stateSettings(1), p)[0]; !errors.Is(o.Fault, fault.New(fault.InvalidArgument, "")) {
		t.Fatalf("while an event is kept: %+v", o)
	}
	later := now + 61_000
	r.sweep(later, func(ChannelID) *logpb.Settings { return stateSettings(1) })
	o := r.publish(later, stateSettings(1), p)[0]
	if o.Fault != nil || !o.KindChanged || o.Offset != 2 {
		t.Fatalf("afterwards: %+v", o)
	}
	if row, err := r.shard.Channel(o.Channel); err != nil || row.GetKind() != weirpb.ChannelKind_CHANNEL_KIND_STATE || row.GetKeys() != 1 {
		t.Errorf("the channel is %v, %v", row, err)
	}
}

func TestTenantsOfALaterGenerationHaveAnotherEpoch(t *testing.T) {
	r := newRig(t)
	defer r.close()
	later := logSettings(2)
	later.Generation = 3
	p := &weirpb.Publication{Channel: "log"}
	if a, b := r.publish(now, logSettings(1), p)[0], r.publish(now, later, p)[0]; a.Epoch != base || b.Epoch != base+3 {
		t.Errorf("the epochs are %d and %d", a.Epoch, b.Epoch)
	}
}

func TestDroppedTenantLeavesOnlyItsMark(t *testing.T) {
	r := newRig(t)
	defer r.close()
	before := rows(t, r.store)
	r.publish(now, logSettings(7), &weirpb.Publication{Channel: "log", Producer: producerOf(1, now), Sequence: 1})
	r.publish(now, stateSettings(7), &weirpb.Publication{Channel: "map", Key: "k"})
	r.shard.DropTenant(&logpb.DropTenant{TenantId: 7})
	r.apply()
	r.sweep(now+10_000_000, func(ChannelID) *logpb.Settings { return nil })
	if all := rows(t, r.store); len(all) != len(before)+1 {
		t.Errorf("left are %q, at first there were %q", all, before)
	}
	if o := r.publish(now, logSettings(7), &weirpb.Publication{Channel: "log"})[0]; !errors.Is(o.Fault, fault.New(fault.TenantUnknown, "")) {
		t.Errorf("a late publication: %+v", o)
	}
}

// TestCommandsAfterADropInOneBatch has the store say what the batch has already dropped.
func TestCommandsAfterADropInOneBatch(t *testing.T) {
	r := newRig(t)
	defer r.close()
	before := rows(t, r.store)
	settings := logSettings(7)
	r.publish(now, settings, &weirpb.Publication{Channel: "log", Producer: producerOf(1, now), Sequence: 1})
	if err := r.shard.Reload(); err != nil {
		t.Fatal(err)
	}
	due, err := r.shard.Due(now+10_000_000, 10)
	if err != nil || len(due) != 2 {
		t.Fatal(due, err)
	}
	trim := &logpb.Trim{Settings: []*logpb.Settings{settings}}
	for _, d := range due {
		trim.Due = append(trim.Due, &logpb.Due{Settings: 1, DueMs: d.DueMs, TenantId: 7, Channel: "log", Producer: d.ID.Name})
	}
	r.shard.DropTenant(&logpb.DropTenant{TenantId: 7})
	r.apply(func(*store.Batch) error { return r.shard.Trim(now, trim) })
	if all := rows(t, r.store); len(all) != len(before)+1 {
		t.Errorf("left are %q", all)
	}
}

func TestShorterAgeHoldsAtTheNextPublication(t *testing.T) {
	r := newRig(t)
	defer r.close()
	p := &weirpb.Publication{Channel: "log"}
	r.publish(now, logSettings(1), p)
	short := logSettings(1)
	short.WindowAgeMs = 1000
	r.publish(now+1, short, p)
	due, err := r.shard.Due(now+10_000_000, 10)
	if err != nil || len(due) != 1 || due[0].DueMs > now+1001 {
		t.Errorf("due is %v, %v", due, err)
	}
}

func TestPagesOfStateCoverItOnce(t *testing.T) {
	r := newRig(t)
	defer r.close()
	settings := stateSettings(1)
	settings.Keys = 1000
	for i := range 50 {
		r.publish(now, settings, &weirpb.Publication{Channel: "map", Key: fmt.Sprintf("%02d", i), Payload: []byte(strings.Repeat("x", 100))})
	}
	id := ChannelID{Tenant: 1, Name: "map"}
	for _, page := range []Page{{Count: 7, Bytes: 1 << 20}, {Count: 100, Bytes: 500}, {Count: 100, Bytes: 1}, {Count: 50, Bytes: 1 << 20}} {
		var keys []string
		for more, after := true, ""; more; {
			_, events, again, err := r.shard.Latest(id, after, page)
			if err != nil || len(events) == 0 {
				t.Fatal(err, len(events))
			}
			for _, e := range events {
				keys = append(keys, e.GetKey())
			}
			more, after = again, keys[len(keys)-1]
		}
		if len(keys) != 50 || keys[49] != "49" {
			t.Errorf("with pages of %+v: %q", page, keys)
		}
	}
}

func TestMissingEventsAreFoundOut(t *testing.T) {
	r := newRig(t)
	defer r.close()
	p := &weirpb.Publication{Channel: "log"}
	for range 3 { // a row each
		r.publish(now, logSettings(1), p)
	}
	id := ChannelID{Tenant: 1, Name: "log"}
	for offset, after := range map[uint64]uint64{2: 0, 1: 0} {
		r.apply(func(b *store.Batch) error { return b.Delete(appendEvent(nil, 1, id, offset)) })
		_, _, err := r.shard.Events(id, after, Page{Count: 10, Bytes: 1 << 20})
		var corrupt *store.CorruptError
		if !errors.As(err, &corrupt) {
			t.Errorf("without event %d: %v", offset, err)
		}
	}
}

func TestAppendAllocatesLittle(t *testing.T) {
	r := newRig(t)
	defer r.close()
	settings := logSettings(1)
	settings.WindowCount, settings.WindowBytes = 1<<30, 1<<40
	var all []*weirpb.Publication
	for range 100 {
		all = append(all, &weirpb.Publication{Channel: "log", Payload: make([]byte, 200)})
	}
	c := r.appendOf(settings, all...)
	r.shard.followed = func(ChannelID) bool { return false }
	var out []Outcome
	n := testing.AllocsPerRun(50, func() {
		b := r.store.NewBatch()
		var err error
		if out, err = r.shard.Append(now, c, out[:0]); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(r.shard.Finish(b), b.Discard()); err != nil {
			t.Fatal(err)
		}
	})
	// None; the rest is the batch's.
	if each := n / 100; each > 0.5 {
		t.Errorf("%.2f allocations an event", each)
	}
}
