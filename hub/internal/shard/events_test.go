package shard

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"weir/hub/internal/run"
	"weir/hub/internal/store"
	"weir/proto/weirpb"
)

// TestRunsAreDividedWhereSegmentsAre asks that what leaves a window takes whole rows with it, and that runs that lack an event or
// have another are found out.
func TestRunsAreDividedWhereSegmentsAre(t *testing.T) {
	r := newRig(t)
	defer r.close()
	settings := logSettings(1)
	settings.WindowCount = 160 // segments of 10
	id := ChannelID{Tenant: 1, Name: "log"}
	var all []*weirpb.Publication
	for range 35 {
		all = append(all, &weirpb.Publication{Channel: id.Name})
	}
	r.publish(now, settings, all...)
	var last []uint64
	err := r.store.View(func(rows store.Reader) error {
		start := appendWithin(nil, 1, kindEvent, id)
		return rows.Scan(start, store.After(start), func(key, body []byte) (bool, error) {
			last = append(last, binary.BigEndian.Uint64(key[len(key)-8:]))
			return true, nil
		})
	})
	if err != nil || !slices.Equal(last, []uint64{10, 20, 30, 35}) {
		t.Fatalf("runs end at %v, %v", last, err)
	}
	for _, body := range [][]byte{nil, {0x7a}, run.Append(nil, []byte("no event")), run.Append(nil, []byte{8, 11})} {
		r.apply(func(b *store.Batch) error { return b.Put(appendEvent(nil, 1, id, 20), body) })
		if _, _, err := r.shard.Events(id, 0, Page{Count: 100, Bytes: 1 << 20}); !errors.As(err, new(*store.CorruptError)) {
			t.Errorf("with a run %x: %v", body, err)
		}
		if _, err := checkRows(r); !errors.As(err, new(*store.CorruptError)) {
			t.Errorf("checked with a run %x: %v", body, err)
		}
	}
}
