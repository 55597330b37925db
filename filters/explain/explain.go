// Package explain says why the filters of a subscription let an event through, or hold it back: it asks them once more, and
// puts what they say together as an edge does.
package explain

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"weir/filters"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A Module is an opened filter; *filters.Filter is one. Its errors are not about the filter.
type Module interface {
	Explain(ctx context.Context, event, params []byte) (*weirpb.FilterExplanation, error)
	ExplainShown(ctx context.Context, x *weirpb.FilterExplanation, event, params []byte) ([]byte, error)
}

// A Filter is one of those that must let an event through.
type Filter struct {
	// Module is nil where About says that the filter is paused, or has the fault for which it can't be asked.
	Module Module
	// About has what says which filter it is, and its params.
	About *weirpb.FilterExplanation
	// Fallback decides where the filter fails. Nil: the failure policy does.
	Fallback *Filter
}

// A Question is about one event.
type Question struct {
	Channel string
	Epoch   uint64
	Event   *weirpb.Event
	// Filters are asked in this order: those that the token pins first.
	Filters []Filter
	// Open says that an event is let through that a filter fails on, as the namespace's failure policy has it.
	Open bool
}

// Answer asks all filters, also after one has held the event back. A tombstone is no filter's business: whoever is shown its
// key is told that it leaves.
func Answer(ctx context.Context, q *Question) (*weirpb.Explanation, error) {
	e := q.Event
	x := &weirpb.Explanation{
		Channel: q.Channel, Event: &weirpb.Cursor{Epoch: q.Epoch, Offset: e.GetOffset()},
		TimeMs: e.GetTimeMs(), Key: e.GetKey(), Tombstone: e.GetTombstone(), ContentType: e.GetContentType(),
	}
	if e.GetTombstone() {
		return x, nil
	}
	x.Verdict = weirpb.Verdict_VERDICT_MATCH
	guest := filters.AppendEvent(nil, q.Channel, e)
	for i := range q.Filters {
		said, err := q.Filters[i].decide(ctx, guest)
		if err != nil {
			return nil, err
		}
		x.Filters = append(x.Filters, said)
		x.Verdict = both(x.Verdict, q.counts(said))
	}
	if x.Verdict != weirpb.Verdict_VERDICT_MATCH {
		return x, nil
	}
	return x, q.show(ctx, x)
}

// decide asks a filter, and if it fails its fallback.
func (f *Filter) decide(ctx context.Context, guest []byte) (*weirpb.FilterExplanation, error) {
	said := proto.CloneOf(f.About)
	switch {
	case said.GetPaused():
		said.Verdict = weirpb.Verdict_VERDICT_FAILED
		said.Fault = fault.New(fault.FilterFailed, "the filter is paused").ToProto()
	case said.GetFault() != nil:
		said.Verdict = weirpb.Verdict_VERDICT_FAILED
	default:
		answer, err := f.Module.Explain(ctx, guest, said.GetParams())
		if err != nil {
			return nil, fmt.Errorf("ask the filter %s@%d: %w", said.GetName(), said.GetVersion(), err)
		}
		proto.Merge(said, answer)
	}
	if said.GetVerdict() != weirpb.Verdict_VERDICT_FAILED || f.Fallback == nil {
		return said, nil
	}
	instead, err := f.Fallback.decide(ctx, guest)
	said.Fallback = instead
	return said, err
}

// counts returns what a filter's word comes to, its fallback's and the failure policy included.
func (q *Question) counts(said *weirpb.FilterExplanation) weirpb.Verdict {
	if said.GetVerdict() != weirpb.Verdict_VERDICT_FAILED {
		return said.GetVerdict()
	}
	if said.GetFallback() != nil {
		return q.counts(said.GetFallback())
	}
	if q.Open {
		return weirpb.Verdict_VERDICT_MATCH
	}
	return weirpb.Verdict_VERDICT_FAILED
}

// both returns what two verdicts come to: one that holds back decides, then one that could not be given.
func both(a, b weirpb.Verdict) weirpb.Verdict {
	for _, v := range []weirpb.Verdict{weirpb.Verdict_VERDICT_HELD, weirpb.Verdict_VERDICT_FAILED} {
		if a == v || b == v {
			return v
		}
	}
	return weirpb.Verdict_VERDICT_MATCH
}

// show notes what the subscription is shown: the filters that project do so one upon the other, and if one of them fails, its
// fallback does.
func (q *Question) show(ctx context.Context, x *weirpb.Explanation) error {
	event := proto.CloneOf(q.Event)
	for i := range q.Filters {
		shown, ok, err := q.Filters[i].project(ctx, x.Filters[i], filters.AppendEvent(nil, q.Channel, event), event.GetPayload())
		switch {
		case err != nil:
			return err
		case ok:
			event.Payload = shown
		case !q.Open:
			x.Verdict = weirpb.Verdict_VERDICT_FAILED
			return nil
		}
	}
	x.Shown = event.GetPayload()
	return nil
}

// project returns what a filter makes of a payload; ok is false if it fails and no other stands in.
func (f *Filter) project(ctx context.Context, said *weirpb.FilterExplanation, guest, payload []byte) (shown []byte, ok bool, err error) {
	if !said.GetProjects() {
		return payload, true, nil
	}
	if f.Module != nil && !said.GetPaused() {
		if shown, err = f.Module.ExplainShown(ctx, said, guest, said.GetParams()); shown != nil || err != nil {
			return shown, err == nil, err
		}
	}
	if f.Fallback == nil {
		return nil, false, nil
	}
	if said.GetFallback() == nil {
		if said.Fallback, err = f.Fallback.decide(ctx, guest); err != nil {
			return nil, false, err
		}
	}
	if !said.GetFallback().GetProjects() {
		return nil, false, nil
	}
	return f.Fallback.project(ctx, said.GetFallback(), guest, payload)
}
