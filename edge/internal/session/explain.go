package session

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/edge/internal/fanout"
	"weir/filters/explain"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

const (
	// maxExplaining is how many EXPLAIN of a session may wait for their answer; explainingMost, how many are answered at once
	// on the whole edge, as each reads from the hub and makes instances of filters.
	maxExplaining  = 2
	explainingMost = 4
	// explainTimeout bounds the answer to one.
	explainTimeout = 10 * time.Second
)

// A standing is what a subscription is now, for those who ask about it. It never changes.
type standing struct {
	subscriber *fanout.Subscriber
	opened     time.Time
	refs       []*weirpb.FilterRef // without those that are pinned
	choices    []choice            // those that are pinned first
}

// stand publishes what the subscription is since its last change.
func (u *subscription) stand() {
	u.standing.Store(&standing{u.subscriber, u.began, u.applied, u.terms.choices})
}

// mayExplain reports whether the client may ask why it got an event or did not.
func (s *session) mayExplain() bool { return s.host.cfg.Explain || s.claims.Load().Explain }

// explain answers an EXPLAIN.
func (s *session) explain(m *weirpb.Explain) {
	answer := func(x *weirpb.Explanation, f *fault.Fault) {
		s.out.send(frame.Explained, &weirpb.Explained{Request: m.GetRequest(), Explanation: x, Fault: wire(f)})
	}
	if !s.mayExplain() {
		answer(nil, fault.New(fault.PermissionDenied, "the token does not allow to ask for explanations").
			WithHint("in development: weir edge --explain, or the claim \"weir\": {\"explain\": true}"))
		return
	}
	if s.explaining.Add(1) > maxExplaining {
		s.explaining.Add(-1)
		answer(nil, fault.New(fault.Busy, "%d explanations are under way already", maxExplaining).WithHint("ask for one after the other"))
		return
	}
	begun := s.start(func() {
		defer s.explaining.Add(-1)
		x, err := s.host.explain(s.ctx, s, m.GetSubscription(), m.GetEvent())
		if err != nil {
			answer(nil, fault.From(err))
			return
		}
		answer(x, nil)
	})
	if !begun {
		s.explaining.Add(-1)
	}
}

// Explain says why a subscription got an event or did not. id is SESSION/NUMBER, as logs have them. Errors are or wrap
// *fault.Fault.
func (h *Host) Explain(ctx context.Context, id string, at *weirpb.Cursor) (*weirpb.Explanation, error) {
	name, text, ok := strings.Cut(id, "/")
	number, err := strconv.ParseUint(text, 10, 32)
	if !ok || err != nil {
		return nil, fault.New(fault.InvalidArgument, "%q names no subscription", short(id)).
			WithHint("write SESSION/NUMBER; weir subscriptions lists them")
	}
	all := h.all()
	i := slices.IndexFunc(all, func(s *session) bool { return s.id == name && s.claims.Load() != nil })
	if i < 0 {
		return nil, unknownSubscription(id)
	}
	return h.explain(ctx, all[i], uint32(number), at)
}

func unknownSubscription(id string) *fault.Fault {
	return fault.New(fault.SubscriptionUnknown, "there is no subscription %q on this edge", short(id)).
		WithHint("weir subscriptions lists them; it may be on another edge, or have ended")
}

// explain explains an event to a subscription of a session's.
func (h *Host) explain(ctx context.Context, s *session, number uint32, at *weirpb.Cursor) (x *weirpb.Explanation, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, explainTimeout, fault.New(fault.Timeout, "there is no explanation within %s", explainTimeout))
	defer cancel()
	defer func() {
		result := "explained"
		if err != nil {
			result = string(fault.CodeOf(err))
		}
		h.cfg.Metrics.Explanations.WithLabelValues(result).Inc()
	}()
	select {
	case h.explaining <- struct{}{}:
		defer func() { <-h.explaining }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	s.mu.Lock()
	u := s.subscriptions[number]
	s.mu.Unlock()
	if u == nil || u.standing.Load() == nil {
		return nil, unknownSubscription(s.id + "/" + strconv.FormatUint(uint64(number), 10))
	}
	return u.explain(ctx, u.standing.Load(), at)
}

// explain asks the subscription's filters about an event once more.
func (u *subscription) explain(ctx context.Context, now *standing, at *weirpb.Cursor) (*weirpb.Explanation, error) {
	event, err := u.find(ctx, at)
	if err != nil {
		return nil, err
	}
	state := u.session.host.cfg.Mirror.State()
	namespace, f := state.Namespace(u.session.claims.Load().Tenant, u.request.GetChannel())
	if f != nil {
		return nil, f
	}
	policy := namespace.GetOnFilterFailure()
	q := &explain.Question{
		Channel: u.request.GetChannel(), Epoch: at.GetEpoch(), Event: event, Open: policy == weirpb.FailurePolicy_FAILURE_POLICY_OPEN,
	}
	asked := &panel{subscription: u, state: state, timeMs: max(event.GetTimeMs(), now.opened.UnixMilli())}
	defer asked.release()
	refs, pins := u.wanted(now.refs)
	for i, ref := range refs {
		if i < len(now.choices) { // else the token has changed, and the subscription is about to end
			q.Filters = append(q.Filters, asked.filter(ctx, ref, now.choices[i], i < pins))
		}
	}
	x, err := explain.Answer(ctx, q)
	if err != nil {
		return nil, err
	}
	x.OnFilterFailure = policyName(policy)
	if told, known := now.subscriber.Told(); known {
		x.Told = told
		x.Past = told.GetEpoch() == at.GetEpoch() && told.GetOffset() >= at.GetOffset()
	}
	return x, nil
}

func policyName(p weirpb.FailurePolicy) string {
	switch p {
	case weirpb.FailurePolicy_FAILURE_POLICY_OPEN:
		return "open"
	case weirpb.FailurePolicy_FAILURE_POLICY_LAST_GOOD:
		return "last-good"
	}
	return "closed"
}

// find reads the event from the channel's window.
func (u *subscription) find(ctx context.Context, at *weirpb.Cursor) (*weirpb.Event, error) {
	if at.GetOffset() == 0 || at.GetEpoch() == 0 {
		return nil, fault.New(fault.InvalidArgument, "the event is not named").
			WithHint("give its epoch and offset; ephemeral events have none and are not kept")
	}
	page, err := u.session.host.cfg.Upstream.History(ctx, &weirpb.HistoryRequest{
		Tenant: u.session.claims.Load().Tenant, Channel: u.request.GetChannel(), Limit: 1,
		After: &weirpb.Cursor{Epoch: at.GetEpoch(), Offset: at.GetOffset() - 1},
	})
	ahead := fault.New(fault.CursorAhead, "the channel has no event %d yet", at.GetOffset())
	switch {
	case fault.CodeOf(err) == fault.CursorAhead:
		return nil, ahead
	case err != nil:
		return nil, err
	}
	channel := page.GetChannel()
	switch events := page.GetEvents(); {
	case channel.GetEpoch() != at.GetEpoch():
		return nil, fault.New(fault.NotFound, "the channel is in epoch %d now, not in %d", channel.GetEpoch(), at.GetEpoch())
	case len(events) > 0 && events[0].GetOffset() == at.GetOffset():
		return events[0], nil
	case at.GetOffset() >= channel.GetNextOffset():
		return nil, ahead
	}
	return nil, fault.New(fault.NotFound, "the event %d is not kept any more: the oldest is %d", at.GetOffset(), channel.GetFirstOffset()).
		WithHint("a namespace's window says how much is kept")
}
