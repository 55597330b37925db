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
	// choices are what the terms were made of, one each.
	choices []choice
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

// wanted lists the filters of a subscription, those that the token pins first.
func (u *subscription) wanted(refs []*weirpb.FilterRef) (all []*weirpb.FilterRef, pins int) {
	for _, pin := range u.session.claims.Load().Pins(u.request.GetChannel()) {
		all = append(all, &weirpb.FilterRef{Name: pin.Filter, Version: pin.Version, Params: pin.Params})
	}
	return append(all, refs...), len(all)
}

// resolve finds the filters of a subscription and has them prepare their params.
func (u *subscription) resolve(ctx context.Context, refs []*weirpb.FilterRef) (*terms, error) {
	if len(refs) > maxFilters {
		return nil, fault.New(fault.TooManyFilters, "the subscription names %d filters, at most %d are allowed", len(refs), maxFilters)
	}
	all, pins := u.wanted(refs)
	choices, err := u.chooseAll(ctx, all, pins)
	if err != nil {
		return nil, err
	}
	t := &terms{shelf: u.session.host.cfg.Shelf}
	for i, ref := range all {
		if err := t.add(ctx, choices[i], ref.GetParams()); err != nil {
			t.release()
			return nil, about(err, ref.GetName(), i < pins)
		}
	}
	return t, nil
}

// chooseAll finds the versions for all filters of the subscription.
func (u *subscription) chooseAll(ctx context.Context, all []*weirpb.FilterRef, pins int) (choices []choice, err error) {
	err = u.sure(ctx, func(state *mirror.State) error {
		choices = choices[:0]
		for i, ref := range all {
			c, err := u.choose(state, ref)
			if err != nil {
				return about(err, ref.GetName(), i < pins)
			}
			choices = append(choices, c)
		}
		return nil
	})
	return choices, err
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

// add makes one filter ready. The versions beside the one that decides are left out if they don't take the params.
func (t *terms) add(ctx context.Context, c choice, params []byte) error {
	if n := len(params); n > maxParams {
		return fault.New(fault.FilterParams, "the params have %d bytes, at most %d are allowed", n, maxParams)
	}
	term, err := t.prepare(ctx, c.version, params)
	if err != nil {
		return err
	}
	term.Canary = c.canary
	term.Fallback = t.optional(ctx, c.fallback, params)
	term.Shadow = t.optional(ctx, c.shadow, params)
	t.list = append(t.list, term)
	t.choices = append(t.choices, c)
	return nil
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
	interest, err := s.Interest(ctx, prepared)
	if err != nil {
		return fanout.Term{}, err
	}
	return fanout.Term{Sieve: s, Prepared: prepared, Interest: interest, Paused: v.GetPaused()}, nil
}

// optional is prepare for a version that can be done without, nil if there is none.
func (t *terms) optional(ctx context.Context, v *weirpb.FilterVersion, params []byte) *fanout.Term {
	if v == nil {
		return nil
	}
	term, err := t.prepare(ctx, v, params)
	if err != nil {
		return nil
	}
	return &term
}
