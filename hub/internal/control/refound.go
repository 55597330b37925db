package control

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/store"
	"weir/proto/logpb"
)

// Refound returns the contents of a row of the control state for a region that begins with what another one had: without
// that one's nodes, and yet to be initialised with its own nodes and its own operator's key. keep is whether the row is
// there at all.
func Refound(key, body []byte) (refounded []byte, keep bool, err error) {
	if len(key) < 2 || key[0] != store.OfControl {
		return body, true, nil
	}
	switch key[1] {
	case kindNode:
		return nil, false, nil
	case kindMeta:
		m := &logpb.ControlMeta{}
		if err := proto.Unmarshal(body, m); err != nil {
			return nil, false, corrupt(key, "%w", err)
		}
		m.Initialised, m.Region = false, ""
		refounded, err = proto.MarshalOptions{Deterministic: true}.Marshal(m)
		return refounded, true, err
	}
	return body, true, nil
}

// ForgottenIn reports whether a later state knows nothing of a tenant any more that this one has or is dropping.
func (s *State) ForgottenIn(later *State) bool {
	knows := func(id uint64) bool {
		return later.byID[id] != nil || slices.Contains(later.Meta.GetDropping(), id)
	}
	for id := range s.byID {
		if !knows(id) {
			return true
		}
	}
	return slices.ContainsFunc(s.Meta.GetDropping(), func(id uint64) bool { return !knows(id) })
}
