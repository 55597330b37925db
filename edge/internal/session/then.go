package session

import (
	"context"
	"slices"

	"weir/edge/internal/mirror"
	"weir/edge/internal/sieve"
	"weir/filters"
	"weir/filters/explain"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A panel finds the filter versions that decided at a time.
type panel struct {
	subscription *subscription
	state        *mirror.State
	timeMs       int64
	held         []*sieve.Sieve
}

func (p *panel) release() {
	for _, s := range p.held {
		p.subscription.session.host.cfg.Shelf.Return(s)
	}
}

// filter returns one filter of the subscription as it was then. What is not kept, whether the subscription has had other
// params and whether the version was paused, is as it is now.
func (p *panel) filter(ctx context.Context, ref *weirpb.FilterRef, now choice, pinned bool) explain.Filter {
	v, fallback, f := p.then(ref, now)
	about := &weirpb.FilterExplanation{
		Name: ref.GetName(), Params: ref.GetParams(), Pinned: pinned, Canary: now.canary && v == now.version,
	}
	if f != nil {
		about.Fault = f.ToProto()
		return explain.Filter{About: about}
	}
	if serves := now.version.GetVersion(); serves != v.GetVersion() {
		about.ServesNow = serves
	}
	made := p.open(ctx, v, about)
	if fallback != nil {
		other := p.open(ctx, fallback, &weirpb.FilterExplanation{Name: ref.GetName(), Params: ref.GetParams()})
		made.Fallback = &other
	}
	return made
}

// then returns the version that decided, and the one that decides where that fails, nil if none does.
func (p *panel) then(ref *weirpb.FilterRef, now choice) (v, fallback *weirpb.FilterVersion, f *fault.Fault) {
	tenant := p.subscription.session.claims.Load().Tenant
	if now.canary && now.version.GetRoleSinceMs() <= p.timeMs {
		return now.version, now.fallback, nil
	}
	if ref.GetVersion() != 0 {
		v, f = p.state.FilterVersion(tenant, ref.GetName(), ref.GetVersion())
	} else {
		v, f = p.state.LiveAt(tenant, ref.GetName(), p.timeMs)
	}
	if f != nil {
		return nil, nil, f
	}
	return v, p.subscription.lastGood(p.state, v), nil
}

// open makes a version ready to be asked; why it can't be is part of the explanation.
func (p *panel) open(ctx context.Context, v *weirpb.FilterVersion, about *weirpb.FilterExplanation) explain.Filter {
	about.Version, about.Digest, about.Paused = v.GetVersion(), v.GetDigest(), v.GetPaused()
	about.Projects = slices.Contains(v.GetAbilities(), filters.AbilityProject)
	if about.Paused {
		return explain.Filter{About: about}
	}
	s, err := p.subscription.session.host.cfg.Shelf.Take(ctx, v)
	if err != nil {
		about.Fault = fault.From(err).ToProto()
		return explain.Filter{About: about}
	}
	p.held = append(p.held, s)
	return explain.Filter{Module: s, About: about}
}
