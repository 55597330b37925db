package outbox

import (
	"testing"
	"time"

	"weir/proto/weirpb"
)

// rounds returns what has a box take in, send and settle so many items a round.
func rounds(size int) (round func()) {
	b := New(Limits{Items: 1000, Bytes: 1 << 20, LaneItems: 1000, LaneBytes: 1 << 20})
	now := time.UnixMilli(1_000_000)
	b.SetShards(now, 1)
	b.SetLeader(now, 1, 1, 1)
	receipt := &weirpb.Receipt{}
	return func() {
		items := make([]Item, size)
		for i := range items {
			items[i] = Item{Tenant: "acme", Channel: "chat", Producer: "p", Again: true, Size: 100, Deadline: now.Add(time.Hour)}
			if f := b.Add(now, &items[i]); f != nil {
				panic(f)
			}
			b.Flush()
		}
		for _, s := range b.Take(now, 1, 1<<20) {
			b.Answer(now, s.Attempt, receipt, nil)
		}
		if settled := b.Flush().Settled; len(settled) != size {
			panic("not all are settled")
		}
	}
}

// TestItemsTakeMemoryOnce holds that a box takes none but for what it hands out, once a round.
func TestItemsTakeMemoryOnce(t *testing.T) {
	const size = 64
	// The items, what is sent, whom to wake, and what is settled, which grows.
	if n := testing.AllocsPerRun(100, rounds(size)); n > 12 {
		t.Errorf("a round of %d publications takes memory %v times", size, n)
	}
}

func BenchmarkRound(b *testing.B) {
	b.ReportAllocs()
	round := rounds(64)
	for b.Loop() {
		round()
	}
}
