package session

import (
	"reflect"

	"weir/edge/internal/mirror"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// refresh takes a newer token.
func (s *session) refresh(m *weirpb.Refresh) {
	old := s.claims.Load()
	claims, err := s.verify(s.ctx, s.host.asking, old.Tenant, m.GetToken())
	if err == nil && (claims.Tenant != old.Tenant || claims.Subject != old.Subject) {
		err = fault.New(fault.TokenInvalid, "the newer token is of another tenant or subject").
			WithHint("open another session for another user")
	}
	if err != nil {
		f := fault.From(err)
		s.refused("refresh", f)
		s.out.send(frame.Refreshed, &weirpb.Refreshed{TokenExpiresMs: old.Expires.UnixMilli(), Fault: wire(f)})
		return
	}
	s.claims.Store(claims)
	s.clock.revoke(false)
	s.out.send(frame.Refreshed, &weirpb.Refreshed{TokenExpiresMs: claims.Expires.UnixMilli()})
	for _, u := range s.all() {
		channel := u.request.GetChannel()
		switch {
		case !claims.CanSubscribe(channel):
			u.leave(fault.New(fault.PermissionDenied, "the newer token does not allow to subscribe to %q", channel))
		case !reflect.DeepEqual(old.Pins(channel), claims.Pins(channel)):
			u.leave(fault.New(fault.PermissionDenied, "the newer token pins other filters to %q", channel).
				WithHint("subscribe again"))
		}
	}
}

// recheck holds the session against a new control state.
func (s *session) recheck(state *mirror.State) {
	claims := s.claims.Load()
	if claims == nil {
		return // not welcomed; hello looks at the latest state itself
	}
	if !state.HasTenant(claims.Tenant) {
		s.end(fault.New(fault.TokenInvalid, "the tenant of the token does not exist any more"))
		return
	}
	s.clock.revoke(state.SigningKey(claims.Tenant, claims.KeyID) == nil)
	s.mu.Lock()
	decides := state.Decides(claims.Tenant)
	changed := s.decides != decides
	s.decides = decides
	s.mu.Unlock()
	if changed {
		s.outdate()
	}
}

// outdate has all subscriptions looked at.
func (s *session) outdate() {
	for _, u := range s.all() {
		u.outdate()
	}
}
