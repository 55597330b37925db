package shard

import (
	"slices"
	"testing"

	"weir/proto/weirpb"
)

// A key that is rare costs a bounded look per read, and the next goes on from there.
func TestSelectLooksAtABoundedNumber(t *testing.T) {
	r := newRig(t)
	defer r.close()
	settings := logSettings(1)
	settings.WindowCount = 1000
	for i := range 55 {
		p := &weirpb.Publication{Channel: "chat"}
		if i == 50 {
			p.Key = "rare"
		}
		r.publish(int64(1000+i), settings, p)
	}
	id, look := ChannelID{Tenant: 1, Name: "chat"}, Page{Count: 10, Bytes: 1 << 20}
	var found []uint64
	in := Range{Key: "rare"}
	for reads := 1; ; reads++ {
		s, err := r.shard.Select(id, in, Page{Count: 5, Bytes: 1 << 20}, look)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range s.Events {
			found = append(found, e.Offset)
		}
		if !s.More {
			if reads != 6 || !slices.Equal(found, []uint64{51}) || s.At != 55 {
				t.Errorf("%v in %d reads up to %d, want event 51 in 6 up to 55", found, reads, s.At)
			}
			return
		}
		if s.At != uint64(10*reads) {
			t.Fatalf("read %d ends at %d", reads, s.At)
		}
		in.After = s.At
	}
}

func TestSelectByTime(t *testing.T) {
	r := newRig(t)
	defer r.close()
	settings := logSettings(1)
	for i := range 10 {
		r.publish(int64(1000+100*i), settings, &weirpb.Publication{Channel: "chat"})
	}
	id, page := ChannelID{Tenant: 1, Name: "chat"}, Page{Count: 100, Bytes: 1 << 20}
	for _, c := range []struct {
		from, until int64
		first, n    uint64
		at          uint64
	}{
		{0, 0, 1, 10, 10},
		{1, 0, 1, 10, 10},
		{1100, 0, 2, 9, 10},
		{1101, 0, 3, 8, 10},
		{1900, 0, 10, 1, 10},
		{1901, 0, 0, 0, 10},
		{0, 1000, 0, 0, 0},
		{0, 1001, 1, 1, 1},
		{1200, 1500, 3, 3, 5},
		{1500, 1200, 0, 0, 5},
		{0, 5000, 1, 10, 10},
	} {
		s, err := r.shard.Select(id, Range{FromMs: c.from, UntilMs: c.until}, page, page)
		if err != nil {
			t.Fatal(err)
		}
		if n := uint64(len(s.Events)); n != c.n || (n > 0 && s.Events[0].Offset != c.first) || s.More || s.At != c.at {
			t.Errorf("from %d until %d: %d events up to %d, more %v; want %d up to %d", c.from, c.until, n, s.At, s.More, c.n, c.at)
		}
	}
}
