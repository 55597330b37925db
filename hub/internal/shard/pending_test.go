package shard

import (
	"testing"

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
