package hub

import (
	"context"

	"weir/hub/internal/shard"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// Bounds of what one call looks at to find events with a key: some tens of milliseconds' worth.
const (
	lookEvents = 10_000
	lookBytes  = 8 << 20
)

// History reads a page of the window: events after a cursor or from the oldest on, of a time, with a key.
func (h *Hub) History(ctx context.Context, r *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error) {
	p, err := h.findToRead(ctx, r)
	if err != nil {
		return nil, err
	}
	row, err := p.part.reader.Channel(p.id)
	if err != nil {
		return nil, h.readFault(err)
	}
	in, gap, err := rangeOf(r, h.describe(p, row).GetEpoch())
	if err != nil {
		return nil, err
	}
	s, err := p.part.reader.Select(p.id, in, pageOf(r.GetLimit()), shard.Page{Count: lookEvents, Bytes: lookBytes})
	if err != nil {
		return nil, h.readFault(err)
	}
	if in.After >= s.Row.GetNextOffset() {
		return nil, fault.New(fault.CursorAhead, "the cursor is at %d, the channel ends at %d", in.After, s.Row.GetNextOffset()-1).
			WithHint("read from the beginning: the cursor may be of another channel")
	}
	response := &weirpb.HistoryResponse{Channel: h.describe(p, s.Row), Events: s.Events, Gap: gap, More: s.More}
	response.Next = &weirpb.Cursor{Epoch: response.Channel.GetEpoch(), Offset: s.At}
	if first := s.Row.GetWindow().GetFirstOffset(); gap == nil && r.GetAfter() != nil && in.After+1 < first {
		response.Gap = &weirpb.Gap{From: in.After + 1, To: first - 1, Reason: "trimmed"}
	}
	return response, nil
}

// rangeOf returns what a request asks for of a channel of this epoch, and a gap where its cursor is of another.
func rangeOf(r *weirpb.HistoryRequest, epoch uint64) (in shard.Range, gap *weirpb.Gap, err error) {
	if r.GetFromTimeMs() < 0 || r.GetUntilTimeMs() < 0 {
		return in, nil, fault.New(fault.InvalidArgument, "a time before 1970 is asked for").
			WithHint("times are milliseconds since the Unix epoch")
	}
	in = shard.Range{
		After: r.GetAfter().GetOffset(), FromMs: r.GetFromTimeMs(), UntilMs: r.GetUntilTimeMs(), Key: r.GetKey(),
	}
	if of := r.GetAfter().GetEpoch(); of != 0 && of != epoch {
		in.After, gap = 0, &weirpb.Gap{Reason: "epoch_changed"}
	}
	until := r.GetUntil()
	switch {
	case until == nil:
		return in, gap, nil
	case until.GetEpoch() != 0 && until.GetEpoch() != epoch:
		return in, nil, fault.New(fault.InvalidArgument, "the cursor to read until is of epoch %d, the channel is in epoch %d", until.GetEpoch(), epoch).
			WithHint("its order could not be continued: look at the channel anew")
	case until.GetOffset() == 0:
		return in, nil, fault.New(fault.InvalidArgument, "the cursor to read until is before the first event").
			WithHint("leave it out to read to the end")
	}
	in.Last = until.GetOffset()
	return in, gap, nil
}
