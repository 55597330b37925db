package fanout

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"testing"

	"weir/edge/internal/fakefilter"
	"weir/filters"
	"weir/proto/weirpb"
)

// equal lets an event through to those who want just its number, and needs no time for the others.
type equal struct{ fakefilter.Range }

func (*equal) Prepare(_ context.Context, params []byte) ([]byte, error) {
	n, err := strconv.ParseUint(string(params), 10, 64)
	return binary.LittleEndian.AppendUint64(nil, n+1), err
}

func (*equal) Interest(_ context.Context, prepared []byte, dst []uint64) ([]uint64, error) {
	return append(dst, binary.LittleEndian.Uint64(prepared)), nil
}

func (*equal) Match(_ context.Context, event []byte, set *filters.Set, verdicts filters.Bitmap) error {
	verdicts.Reset()
	n, err := strconv.ParseUint(string(fakefilter.Payload(event)), 10, 64)
	slots, _ := set.Candidates([]uint64{n + 1})
	for _, slot := range slots {
		verdicts.Set(int(slot))
	}
	return err
}

// BenchmarkStep decides about events that one group wants, beside many that do not: what fan-out itself costs.
func BenchmarkStep(b *testing.B) {
	for _, channel := range []string{"log:a", "state:a"} {
		for _, groups := range []int{10, 1000, 10_000} {
			b.Run(fmt.Sprintf("%s/groups=%d", channel[:len(channel)-2], groups), func(b *testing.B) { benchStep(b, channel, groups) })
		}
	}
}

func benchStep(b *testing.B, name string, groups int) {
	r := newRig(b)
	defer r.table.Close()
	r.table.limits.GroupsPerChannel = groups
	s := r.newSieve("equal", &equal{}, false)
	s.Routes = true
	var c *channel
	for n := range groups {
		reader := r.subscribe(Request{Channel: name, Terms: []Term{r.term(s, strconv.Itoa(n))}})
		defer reader.Close()
		c = reader.channel
	}
	event := &weirpb.Event{Key: "key"}
	batch := &weirpb.FeedBatch{Events: []*weirpb.Event{event}, Cursor: &weirpb.Cursor{Epoch: 1000}}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		event.Offset, batch.Cursor.Offset = uint64(n), uint64(n)
		event.Payload = strconv.AppendInt(nil, int64(n%groups), 10)
		if err := c.deliver(batch); err != nil {
			b.Fatal(err)
		}
	}
}
