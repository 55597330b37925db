package shard

import (
	"slices"
	"testing"

	"weir/hub/internal/sequence"
	"weir/proto/weirpb"
)

func FuzzParsePageRow(f *testing.F) {
	full := slices.Repeat([]outcome{{offset: 1 << 40, timeMs: -7}, {offset: 3, timeMs: 1 << 50}}, sequence.PageLength/2)
	f.Add(appendPageRow(nil, 7, pageOf(full)))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, body []byte) {
		number, p, err := parsePageRow(body)
		if err != nil {
			return
		}
		again, q, err := parsePageRow(appendPageRow(nil, number, pageOf(p)))
		if err != nil || again != number || !slices.Equal(q, p) {
			t.Errorf("%x is read as %v, which is written as %v, %v", body, p, q, err)
		}
	})
}

func pageOf(all []outcome) (p page) {
	for _, o := range all {
		p.add(o)
	}
	return p
}

// TestAllOutcomesAreRemembered asks for each of the remembered publications, in the batch that has accepted the last ones,
// after it, and after a restart.
func TestAllOutcomesAreRemembered(t *testing.T) {
	for _, last := range []uint64{1, 15, 16, 17, 1023, 1024, 1025, 1039, 1040, 1041, 3000} {
		r := newRig(t)
		settings := logSettings(7)
		settings.WindowCount = 1 << 20
		from := producerOf(1, now)
		publication := func(number uint64) *weirpb.Publication {
			return &weirpb.Publication{Channel: "log", Producer: from, Sequence: number}
		}
		var first, second []*weirpb.Publication
		for number := uint64(1); number <= last; number++ {
			// Half of the last page is published with the retries.
			if first = append(first, publication(number)); number+40 > last {
				first, second = first[:len(first)-1], append(second, publication(number))
			}
			first = append(first, &weirpb.Publication{Channel: "log"})
		}
		oldest := uint64(1)
		if last > sequence.Remembered {
			oldest = last - sequence.Remembered + 1
		}
		published := len(second)
		for number := oldest; number <= last; number++ {
			second = append(second, publication(number))
		}
		r.publish(now, settings, first...)
		out := r.publish(now+1, settings, second...)
		want := map[uint64]uint64{}
		for number := uint64(1); number <= last; number++ {
			want[number] = 2*number - 1
		}
		for i, o := range out[:published] {
			want[second[i].GetSequence()] = o.Offset
		}
		check := func(when string, out []Outcome, asked []*weirpb.Publication) {
			t.Helper()
			for i, o := range out {
				if number := asked[i].GetSequence(); !o.Duplicate || o.Fault != nil || o.Offset != want[number] {
					t.Fatalf("of %d, %s, retry %d is answered %+v, want offset %d", last, when, number, o, want[number])
				}
			}
		}
		check("within the batch", out[published:], second[published:])
		check("later", r.publish(now+2, settings, second...), second)
		if err := r.shard.Reload(); err != nil {
			t.Fatal(err)
		}
		check("after a restart", r.publish(now+3, settings, second...), second)
		r.close()
	}
}
