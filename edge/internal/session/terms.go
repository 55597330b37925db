package session

import (
	"context"
	"errors"

	"weir/edge/internal/fanout"
	"weir/edge/internal/mirror"
	"weir/edge/internal/sieve"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// terms are a subscription's filters, ready, and held on the shelf until release.
type terms struct {
	shelf *mirror.Shelf
	list  []fanout.Term
	held  []*sieve.Sieve
}

func (t *terms) release() {
	if t == nil {
		return
	}
	for _, s := range t.held {
		t.shelf.Return(s)
	}
	t.held = nil
}

// resolve finds the filters of a subscription, those that the token pins first, and has them prepare their params.
func (u *subscription) resolve(ctx context.Context, refs []*weirpb.FilterRef) (*terms, error) {
	if len(refs) > maxFilters {
		return nil, fault.New(fault.TooManyFilters, "the subscription names %d filters, at most %d are allowed", len(refs), maxFilters)
	}
	claims := u.session.claims.Load()
	var all []*weirpb.FilterRef
	for _, pin := range claims.Pins(u.request.GetChannel()) {
		all = append(all, &weirpb.FilterRef{Name: pin.Filter, Version: pin.Version, Params: pin.Params})
	}
	pins := len(all)
	t := &terms{shelf: u.session.host.cfg.Shelf}
	for i, ref := range append(all, refs...) {
		term, err := t.term(ctx, u.session.host.cfg.Mirror.State(), claims.Tenant, u.request.GetChannel(), ref)
		if err != nil {
			t.release()
			return nil, about(err, ref.GetName(), i < pins)
		}
		t.list = append(t.list, term)
	}
	return t, nil
}

// about says in a fault which filter it is about.
func about(err error, filter string, pinned bool) error {
	var f *fault.Fault
	if !errors.As(err, &f) {
		return err
	}
	named := *f
	named.Message = "filter \"" + printable(filter) + "\": " + f.Message
	if pinned {
		named.Message = "pinned by the token, " + named.Message
	}
	return &named
}

// printable keeps a name that a client made up from carrying control characters or half a kilobyte into a message.
func printable(name string) string {
	out := []byte(short(name))
	for i, c := range out {
		if c < ' ' || c > '~' || c == '"' {
			out[i] = '?'
		}
	}
	return string(out)
}

// term makes one filter ready.
func (t *terms) term(ctx context.Context, state *mirror.State, tenant, channel string, ref *weirpb.FilterRef) (fanout.Term, error) {
	if n := len(ref.GetParams()); n > maxParams {
		return fanout.Term{}, fault.New(fault.FilterParams, "the params have %d bytes, at most %d are allowed", n, maxParams)
	}
	v, f := state.FilterVersion(tenant, ref.GetName(), ref.GetVersion())
	if f != nil {
		return fanout.Term{}, f
	}
	term, err := t.prepare(ctx, v, ref.GetParams())
	if err != nil {
		return fanout.Term{}, err
	}
	namespace, f := state.Namespace(tenant, channel)
	if f == nil && namespace.GetOnFilterFailure() == weirpb.FailurePolicy_FAILURE_POLICY_LAST_GOOD {
		term.Fallback = t.fallback(ctx, state, v, ref.GetParams())
	}
	return term, nil
}

func (t *terms) prepare(ctx context.Context, v *weirpb.FilterVersion, params []byte) (fanout.Term, error) {
	s, err := t.shelf.Take(ctx, v)
	if err != nil {
		return fanout.Term{}, err
	}
	t.held = append(t.held, s)
	prepared, err := s.Prepare(ctx, params)
	if err != nil {
		return fanout.Term{}, err
	}
	return fanout.Term{Sieve: s, Prepared: prepared}, nil
}

// fallback makes the version before v ready, if there is one that takes the params.
func (t *terms) fallback(ctx context.Context, state *mirror.State, v *weirpb.FilterVersion, params []byte) *fanout.Term {
	before := state.Before(v)
	if before == nil {
		return nil
	}
	term, err := t.prepare(ctx, before, params)
	if err != nil {
		return nil
	}
	return &term
}
