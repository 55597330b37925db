package shard

import (
	"errors"
	"strings"
	"testing"

	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// checkRows has a Check look at all rows of a rig.
func checkRows(r *rig) (*Check, error) {
	c := NewCheck(1)
	err := r.store.View(func(rows store.Reader) error {
		return rows.Scan(nil, nil, func(key, body []byte) (bool, error) { return true, c.Row(key, body) })
	})
	return c, errors.Join(err, c.End())
}

func TestCheckCountsWhatThereIs(t *testing.T) {
	r := newRig(t)
	defer r.close()
	who := producerOf(1, 10_000)
	for n := uint64(1); n <= 3; n++ {
		r.publish(10_000+int64(n), logSettings(1), &weirpb.Publication{Channel: "log", Producer: who, Sequence: n})
		r.publish(10_000, stateSettings(2), &weirpb.Publication{Channel: "map", Key: "k"})
	}
	var channels []ChannelID
	c := NewCheck(1)
	c.Channel = func(id ChannelID, row *logpb.ChannelRow) {
		if row.GetNextOffset() != 4 {
			t.Errorf("%v is %v", id, row)
		}
		channels = append(channels, id)
	}
	err := r.store.View(func(rows store.Reader) error {
		return rows.Scan(nil, nil, func(key, body []byte) (bool, error) { return true, c.Row(key, body) })
	})
	if err := errors.Join(err, c.End()); err != nil {
		t.Fatal(err)
	}
	if got, want := c.Counts(), (Counts{Channels: 2, Events: 6, Keys: 1, Producers: 1, NewestMs: 10_003}); got != want {
		t.Errorf("there are %+v, want %+v", got, want)
	}
	tenants := map[uint64]bool{}
	_ = c.Tenants(func(id uint64) error { tenants[id] = true; return nil })
	if len(channels) != 2 || len(tenants) != 2 || !tenants[1] || !tenants[2] {
		t.Errorf("channels %v of tenants %v", channels, tenants)
	}
}

// TestCheckMissesNothing takes each row away in turn. The base epoch and the index of what is due say nothing of others.
func TestCheckMissesNothing(t *testing.T) {
	r := newRig(t)
	defer r.close()
	who := producerOf(1, 10_000)
	for n := uint64(1); n <= 20; n++ {
		r.publish(10_000, logSettings(1), &weirpb.Publication{Channel: "log", Producer: who, Sequence: n})
		r.publish(10_000, stateSettings(1), &weirpb.Publication{Channel: "map", Key: string(rune('a' + n%5))})
	}
	for i, row := range rows(t, r.store) {
		c := NewCheck(1)
		err := r.store.View(func(rows store.Reader) error {
			at := 0
			return rows.Scan(nil, nil, func(key, body []byte) (bool, error) {
				if at++; at-1 == i {
					return true, nil
				}
				return true, c.Row(key, body)
			})
		})
		alone := strings.HasPrefix(row, `"S\x00\x00\x00\x01b`) || strings.HasPrefix(row, `"S\x00\x00\x00\x01t`)
		if err = errors.Join(err, c.End()); (err == nil) != alone {
			t.Errorf("without %s: %v", row, err)
		}
	}
}

func TestRenewedEpochsAreOtherOnes(t *testing.T) {
	r := newRig(t)
	defer r.close()
	r.publish(10_000, logSettings(1), &weirpb.Publication{Channel: "log"})
	b := r.store.NewBatch()
	err := r.store.View(func(rows store.Reader) error {
		return rows.Scan(nil, nil, func(key, body []byte) (bool, error) {
			renewed, err := Renew(1, key, body, 50)
			if err != nil {
				return false, err
			}
			return true, b.Put(key, renewed)
		})
	})
	if err := errors.Join(err, r.store.Commit(b)); err != nil {
		t.Fatal(err)
	}
	if err := r.shard.Reload(); err != nil {
		t.Fatal(err)
	}
	row, err := r.shard.Channel(ChannelID{Tenant: 1, Name: "log"})
	if err != nil || row.GetEpoch() != base+50 || row.GetNextOffset() != 2 {
		t.Errorf("the channel is %v, %v", row, err)
	}
	if now, err := r.shard.BaseEpoch(); err != nil || now != base+50 {
		t.Errorf("the base epoch is %d, %v", now, err)
	}
	if _, err := checkRows(r); err != nil {
		t.Error(err)
	}
}
