package shard

import (
	"bytes"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/proto/weirpb"
)

// TestDueNeedsTheStoreOnlyForWhatIsDue counts how often a look at what is due has something put into the store.
func TestDueNeedsTheStoreOnlyForWhatIsDue(t *testing.T) {
	r := newRig(t)
	defer r.close()
	settled := 0
	r.store.Behind(func() error {
		settled++
		b := r.store.NewBatch()
		if err := r.shard.Finish(b); err != nil {
			return err
		}
		return r.store.Commit(b)
	})
	c := r.appendOf(logSettings(1), &weirpb.Publication{Channel: "log"})
	if _, err := r.shard.Append(now, c, nil); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[int64]int{now: 0, now + 59_999: 0} {
		if due, err := r.shard.Due(at, 10); err != nil || len(due) != want || settled != 0 {
			t.Errorf("after %d ms: %v, %v, put into the store %d times", at-now, due, err, settled)
		}
	}
	for looks := 1; looks <= 2; looks++ { // of what is pending, then of what is stored
		if due, err := r.shard.Due(now+60_000, 10); err != nil || len(due) != 1 || settled != looks {
			t.Errorf("look %d finds %v, %v, put into the store %d times", looks, due, err, settled)
		}
	}
}

// TestMemoryIsUsedAgain holds what has been stored and what followers were told to what was published, while the memory that
// rows are made in goes around.
func TestMemoryIsUsedAgain(t *testing.T) {
	r := newRig(t)
	defer r.close()
	settings := stateSettings(1)
	settings.WindowBytes, settings.WindowCount, settings.Keys = 1<<30, 1<<20, 100
	from := producerOf(1, now)
	var told []*weirpb.Event
	for round := range byte(4) {
		var all []*weirpb.Publication
		for i := range 60 {
			all = append(all, &weirpb.Publication{
				Channel: "map", Key: fmt.Sprint(i % 7), Payload: bytes.Repeat([]byte{round}, 1<<(i%18)),
				Producer: from, Sequence: uint64(round)*60 + uint64(i) + 1,
			})
		}
		for _, o := range r.publish(now, settings, all...) {
			told = append(told, o.Event)
		}
		_, events, err := r.shard.Events(ChannelID{Tenant: 1, Name: "map"}, 0, Page{Count: 1000, Bytes: 1 << 30})
		if err != nil || len(events) != len(told) {
			t.Fatalf("there are %d events of %d, %v", len(events), len(told), err)
		}
		for i, e := range events {
			want := bytes.Repeat([]byte{byte(i / 60)}, 1<<(i%60%18))
			if !bytes.Equal(e.GetPayload(), want) || !proto.Equal(e, told[i]) {
				t.Fatalf("after round %d, event %d is another", round, i)
			}
		}
	}
	if _, err := checkRows(r); err != nil {
		t.Error(err)
	}
}
