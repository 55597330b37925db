package fakefilter

import (
	"context"
	"encoding/binary"
	"sync/atomic"

	"weir/filters"
)

// A Routed is a Range with routing keys, which are what Match goes by. It is safe for concurrent use.
type Routed struct {
	Range
	// Asked counts the params that Match decided about.
	Asked atomic.Int64
}

// Numbers share a routing key by fours, and a range over more than keysMost of these wants everything.
const (
	cellSize = 4
	keysMost = 8
)

// Interest returns what a range wants.
func (r *Range) Interest(_ context.Context, prepared []byte, dst []uint64) ([]uint64, error) {
	if r.Lost {
		return dst, errBoom
	}
	low, high := binary.LittleEndian.Uint64(prepared)/cellSize, binary.LittleEndian.Uint64(prepared[8:])/cellSize
	if high-low >= keysMost {
		return append(dst, filters.KeyAny), nil
	}
	for c := low; c <= high; c++ {
		dst = append(dst, 1+c)
	}
	return dst, nil
}

// Match decides about an event for the ranges that want one of its keys; an event that is no number has none.
func (r *Routed) Match(ctx context.Context, event []byte, set *filters.Set, verdicts filters.Bitmap) error {
	var keys []uint64
	if n, ok := number(Payload(event)); ok {
		keys = []uint64{1 + uint64(n+r.Shift)/cellSize}
	}
	slots, narrow := set.Candidates(keys)
	r.Asked.Add(int64(set.Asked()))
	if err := r.Range.Match(ctx, event, set, verdicts); err != nil || !narrow {
		return err
	}
	asked := filters.NewBitmap(set.Slots())
	for _, slot := range slots {
		asked.Set(int(slot))
	}
	for i := range asked {
		verdicts[i] &= asked[i]
	}
	return nil
}
