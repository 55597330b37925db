package session

import (
	"context"
	"sync/atomic"
	"time"

	"weir/edge/internal/fanout"
	"weir/edge/internal/mirror"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/name"
	"weir/proto/weirpb"
)

// A subscription is one of a session's. Opening it, changing its filters and closing it may take time; its worker does
// one after the other, and runs only while there is something to do.
type subscription struct {
	session *session
	number  uint32
	request *weirpb.Subscribe
	ctx     context.Context // ends when it is to be closed
	cancel  context.CancelFunc

	// Owned by the worker, and by session.wait after it.
	subscriber *fanout.Subscriber // nil before it is open
	terms      *terms
	applied    []*weirpb.FilterRef // what the terms are of
	moveWait   time.Duration       // since the last attempt to move it, if that failed
	began      time.Time           // when it was opened

	standing atomic.Pointer[standing] // nil before it is open

	// Guarded by session.mu.
	working  bool
	leaving  bool         // to be closed
	fault    *fault.Fault // why; nil: the client wants to
	changes  []*weirpb.Params
	revision uint32 // the latest asked for
	outdated bool   // the versions that serve it may have changed
	// urge ends a wait of the worker's; nil while it does not wait.
	urge context.CancelFunc
}

func (s *session) subscribe(m *weirpb.Subscribe) {
	s.data.start()
	u := &subscription{session: s, number: m.GetSubscription(), request: m}
	u.ctx, u.cancel = context.WithCancel(s.ctx)
	s.mu.Lock()
	_, taken := s.subscriptions[u.number]
	full := len(s.subscriptions) >= maxSubscriptions
	if !taken && !full && u.number != 0 {
		s.subscriptions[u.number] = u
		defer u.wake()
	}
	s.mu.Unlock()
	switch {
	case taken:
		s.refuseRequest("subscription", fault.New(fault.SubscriptionDuplicate, "the subscription %d exists already", u.number).
			WithHint("a number is used once in a session"), u.number, 0)
	case u.number == 0:
		u.gone(fault.New(fault.InvalidArgument, "a subscription's number must not be 0").WithHint("count from 1 on"))
	case full:
		u.gone(fault.New(fault.TooManySubscriptions, "the session has %d subscriptions, as many as it may", maxSubscriptions).
			WithHint("close one that is not needed"))
	}
}

func (s *session) change(m *weirpb.Params) {
	s.mu.Lock()
	u := s.subscriptions[m.GetSubscription()]
	f := u.accept(m)
	s.mu.Unlock()
	if f != nil {
		s.refuseRequest("change of filters", f, m.GetSubscription(), m.GetRevision())
		return
	}
	u.wake()
}

// accept queues a change. The session's mu is held; u may be nil.
func (u *subscription) accept(m *weirpb.Params) *fault.Fault {
	switch {
	case u == nil || u.leaving:
		return fault.New(fault.SubscriptionUnknown, "there is no subscription %d", m.GetSubscription())
	case m.GetRevision() <= u.revision:
		return fault.New(fault.InvalidArgument, "the revision %d is not greater than %d", m.GetRevision(), u.revision).
			WithHint("count revisions up")
	case len(u.changes) >= maxChanges:
		return fault.New(fault.Busy, "%d changes of the subscription %d wait already", len(u.changes), u.number).
			WithHint("keep one change under way, and send only the newest when it is answered")
	}
	u.revision = m.GetRevision()
	u.changes = append(u.changes, m)
	return nil
}

func (s *session) unsubscribe(m *weirpb.Unsubscribe) {
	s.mu.Lock()
	u := s.subscriptions[m.GetSubscription()]
	known := u != nil && !u.leaving
	s.mu.Unlock()
	if !known {
		s.refuseRequest("close", fault.New(fault.SubscriptionUnknown, "there is no subscription %d", m.GetSubscription()),
			m.GetSubscription(), 0)
		return
	}
	u.leave(nil)
}

// all returns the session's subscriptions.
func (s *session) all() []*subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*subscription, 0, len(s.subscriptions))
	for _, u := range s.subscriptions {
		all = append(all, u)
	}
	return all
}

// Ready is fanout.Listener's.
func (u *subscription) Ready(s *fanout.Subscriber) { u.session.data.ready(s) }

// Ended is fanout.Listener's.
func (u *subscription) Ended(_ *fanout.Subscriber, f *fault.Fault) { u.leave(f) }

// leave has the subscription closed, for the reason that was given first.
func (u *subscription) leave(f *fault.Fault) {
	s := u.session
	s.mu.Lock()
	if u.leaving {
		s.mu.Unlock()
		return
	}
	u.leaving, u.fault = true, f
	s.mu.Unlock()
	u.cancel()
	u.wake()
}

// wake lets the worker run.
func (u *subscription) wake() {
	s := u.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.urge != nil {
		u.urge()
	}
	if u.working || s.ended {
		return
	}
	u.working = true
	s.tasks.Go(u.work)
}

// work does what there is to do.
func (u *subscription) work() {
	s := u.session
	for s.ctx.Err() == nil {
		s.mu.Lock()
		switch changes := u.changes; {
		case u.leaving:
			f := u.fault
			delete(s.subscriptions, u.number)
			s.mu.Unlock()
			u.close()
			u.gone(f)
			return
		case u.subscriber == nil:
			s.mu.Unlock()
			u.open()
		case len(changes) > 0:
			u.changes = nil
			s.mu.Unlock()
			u.apply(changes)
		case u.outdated:
			u.outdated = false
			s.mu.Unlock()
			u.move()
		default:
			u.working = false
			s.mu.Unlock()
			return
		}
	}
}

// open opens the subscription, or has it closed with a fault.
func (u *subscription) open() {
	s := u.session
	r := fanout.Request{
		Tenant: s.claims.Load().Tenant, Channel: u.request.GetChannel(), Subscription: u.number,
		Start: u.request.GetStart(), Cursor: u.request.GetCursor(),
	}
	if f := u.checkChannel(); f != nil {
		u.leave(f)
		return
	}
	err := u.sure(u.ctx, func(state *mirror.State) error {
		namespace, f := state.Namespace(r.Tenant, r.Channel)
		if f != nil {
			return f
		}
		r.Policy = namespace.GetOnFilterFailure()
		return nil
	})
	if err != nil {
		u.leave(fault.From(err))
		return
	}
	terms, err := u.resolve(u.ctx, u.request.GetFilters())
	if err != nil {
		u.leave(fault.From(err))
		return
	}
	r.Terms = terms.list
	subscriber, info, err := s.host.cfg.Table.Subscribe(u.ctx, r, u)
	if err != nil {
		terms.release()
		u.leave(fault.From(err))
		return
	}
	u.subscriber, u.terms, u.applied, u.began = subscriber, terms, u.request.GetFilters(), time.Now()
	u.stand()
	s.out.send(frame.Subscribed, &weirpb.Subscribed{Subscription: u.number, Channel: info})
}

// sure is Host.sure on behalf of the session's tenant.
func (u *subscription) sure(ctx context.Context, look func(*mirror.State) error) error {
	return u.session.host.sure(ctx, u.session.host.asking, u.session.claims.Load().Tenant, look)
}

// checkChannel says why the user may not subscribe to the channel.
func (u *subscription) checkChannel() *fault.Fault {
	channel := u.request.GetChannel()
	if err := name.CheckChannel(channel); err != nil {
		return fault.From(err)
	}
	if !u.session.claims.Load().CanSubscribe(channel) {
		return fault.New(fault.PermissionDenied, "the token does not allow to subscribe to %q", channel).
			WithHint("add the channel, or a prefix of it and \"*\", to the token's weir.subscribe")
	}
	return nil
}

// apply changes the filters to the last of changes that can be, and says what is wrong with the others.
func (u *subscription) apply(changes []*weirpb.Params) {
	s := u.session
	var next *terms
	var refs []*weirpb.FilterRef
	var revisions []uint32
	for _, m := range changes {
		t, err := u.resolve(u.ctx, m.GetFilters())
		if err != nil {
			if u.ctx.Err() == nil {
				s.refuseRequest("change of filters", fault.From(err), u.number, m.GetRevision())
			}
			continue
		}
		next.release()
		next, refs = t, m.GetFilters()
		revisions = append(revisions, m.GetRevision())
	}
	if next == nil {
		return
	}
	err := u.subscriber.Change(u.ctx, next.list, revisions[len(revisions)-1])
	if err == nil {
		u.terms.release()
		u.terms, u.applied = next, refs
		u.stand()
		return
	}
	next.release()
	for _, revision := range revisions {
		if u.ctx.Err() == nil {
			s.refuseRequest("change of filters", fault.From(err), u.number, revision)
		}
	}
}

// close gives up what the subscription holds. Its worker has ended, or is who calls.
func (u *subscription) close() {
	u.cancel()
	if u.subscriber != nil {
		u.subscriber.Close()
	}
	u.terms.release()
}

// gone tells the client that the subscription is closed.
func (u *subscription) gone(f *fault.Fault) {
	if f != nil {
		u.session.refused("subscription", f, "subscription", u.number, "channel", short(u.request.GetChannel()))
	}
	u.session.out.send(frame.Unsubscribed, &weirpb.Unsubscribed{Subscription: u.number, Fault: wire(f)})
}
