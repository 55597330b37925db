package edgeclient

import (
	"context"
	"time"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// A Verdict is what a filter, or all of a subscription together, say about an event.
type Verdict string

// Verdicts.
const (
	VerdictMatch  Verdict = "match"
	VerdictHeld   Verdict = "held"
	VerdictFailed Verdict = "failed" // the event is lost to a failure, or a filter could not say
)

// An Explanation says why a subscription got an event or did not.
type Explanation struct {
	Cursor Cursor
	Time   time.Time
	Key    string
	// Tombstone: whoever is shown the key is told that it leaves; no filter is asked, and there is no verdict.
	Tombstone bool
	// Verdict of all filters together, the namespace's failure policy included.
	Verdict Verdict
	// Filters are those that must let the event through, those that the token pins first.
	Filters []FilterExplanation
	// Shown is the payload that the subscription gets of a match.
	Shown []byte
	// Past says that the subscription has been told of the event, or that it was held back; if not, its batch is to come.
	Past bool
	// OnFailure is the namespace's failure policy: "closed", "open" or "last-good".
	OnFailure string
}

// A FilterExplanation is what one filter says.
type FilterExplanation struct {
	Name string
	// Version is the one that was live when the event was decided, or the one that the subscription names, and ServesNow the
	// one that serves the subscription now, where that is another.
	Version, ServesNow     uint32
	Params                 []byte
	Pinned, Canary, Paused bool
	Verdict                Verdict
	// Err says why it failed.
	Err error
	// EventKeys and Interest are the routing keys of both sides where the filter has such, SharedKeys those in common.
	EventKeys, Interest, SharedKeys []uint64
	// Fuel of checking the params, of the verdict, of what is shown and of the keys.
	PrepareFuel, MatchFuel, ProjectFuel, KeysFuel uint64
	// Log has what the filter said meanwhile.
	Log []string
	// Fallback decides where the filter fails; nil: none does.
	Fallback *FilterExplanation
}

// Explain asks the server why the subscription got an event or did not. Servers answer in development, and to tokens with the
// claim weir.explain; it fails with permission_denied if this one does not, and with unavailable if the subscription is not open
// there now.
func (s *Subscription) Explain(ctx context.Context, event Cursor) (*Explanation, error) {
	answer, err := s.client.askExplain(s, event)
	if err != nil {
		return nil, err
	}
	select {
	case m := <-answer:
		if f := m.GetFault(); f != nil {
			return nil, fault.FromProto(f)
		}
		if m.GetExplanation() == nil {
			return nil, errUnanswered
		}
		return explanationOf(m.GetExplanation()), nil
	case <-s.done:
		return nil, s.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

var errUnanswered = fault.New(fault.Unavailable, "the session was lost before the answer came").WithHint("ask again")

// maxAsked is how many explanations may be waited for: a server answers two at once.
const maxAsked = 16

// askExplain sends an EXPLAIN. The channel gets its answer; an empty one if the session ends before.
func (c *Client) askExplain(sub *Subscription, event Cursor) (<-chan *weirpb.Explained, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.session
	switch {
	case sub.over:
		return nil, sub.err
	case s == nil || sub.id == 0:
		return nil, fault.New(fault.Unavailable, "the subscription is not open at a server now").WithHint("ask again once it is")
	case !s.explains:
		return nil, fault.New(fault.PermissionDenied, "this server gives no explanations, or not with this token").
			WithHint("in development: weir dev, weir edge --explain, or the token's claim \"weir\": {\"explain\": true}")
	case len(s.asked) >= maxAsked:
		return nil, fault.New(fault.Busy, "%d explanations are waited for already", len(s.asked))
	}
	s.lastAsked++
	answer := make(chan *weirpb.Explained, 1)
	s.asked[s.lastAsked] = answer
	s.send(frame.Explain, &weirpb.Explain{
		Request: s.lastAsked, Subscription: sub.id, Event: &weirpb.Cursor{Epoch: event.Epoch, Offset: event.Offset},
	})
	return answer, nil
}

func (s *session) explained(m *weirpb.Explained) error {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	answer := s.asked[m.GetRequest()]
	if answer == nil {
		return fault.New(fault.ProtocolViolation, "the server explains what nobody asked")
	}
	delete(s.asked, m.GetRequest())
	answer <- m
	return nil
}

// unexplained ends the waiting for explanations when the session has ended. The caller holds client.mu.
func (s *session) unexplained() {
	for _, answer := range s.asked {
		answer <- &weirpb.Explained{}
	}
	clear(s.asked)
}

func explanationOf(x *weirpb.Explanation) *Explanation {
	e := &Explanation{
		Cursor: Cursor{Epoch: x.GetEvent().GetEpoch(), Offset: x.GetEvent().GetOffset()}, Time: time.UnixMilli(x.GetTimeMs()),
		Key: x.GetKey(), Tombstone: x.GetTombstone(), Verdict: verdictOf(x.GetVerdict()), Shown: x.GetShown(), Past: x.GetPast(),
		OnFailure: x.GetOnFilterFailure(),
	}
	for _, f := range x.GetFilters() {
		e.Filters = append(e.Filters, *filterExplanationOf(f))
	}
	return e
}

func filterExplanationOf(x *weirpb.FilterExplanation) *FilterExplanation {
	f := &FilterExplanation{
		Name: x.GetName(), Version: x.GetVersion(), ServesNow: x.GetServesNow(), Params: x.GetParams(),
		Pinned: x.GetPinned(), Canary: x.GetCanary(), Paused: x.GetPaused(), Verdict: verdictOf(x.GetVerdict()),
		EventKeys: x.GetEventKeys(), Interest: x.GetInterest(), SharedKeys: x.GetSharedKeys(),
		PrepareFuel: x.GetPrepareFuel(), MatchFuel: x.GetMatchFuel(), ProjectFuel: x.GetProjectFuel(), KeysFuel: x.GetKeysFuel(),
		Log: x.GetLog(),
	}
	if x.GetFault() != nil {
		f.Err = fault.FromProto(x.GetFault())
	}
	if x.GetFallback() != nil {
		f.Fallback = filterExplanationOf(x.GetFallback())
	}
	return f
}

func verdictOf(v weirpb.Verdict) Verdict {
	switch v {
	case weirpb.Verdict_VERDICT_MATCH:
		return VerdictMatch
	case weirpb.Verdict_VERDICT_HELD:
		return VerdictHeld
	case weirpb.Verdict_VERDICT_FAILED:
		return VerdictFailed
	}
	return ""
}
