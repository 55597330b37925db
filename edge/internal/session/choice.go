package session

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"

	"weir/edge/internal/mirror"
	"weir/proto/weirpb"
)

// A choice is which versions of a filter serve a subscription.
type choice struct {
	version *weirpb.FilterVersion
	canary  bool // version is tried in place of fallback
	// fallback decides where version fails, if version is a canary or the failure policy is last-good. Nil: none does.
	fallback *weirpb.FilterVersion
	// shadow is compared with version. Nil: none is.
	shadow *weirpb.FilterVersion
}

// choose finds the versions for one filter of the subscription. Without a version named it is the live one, or the canary
// for the share of subscriptions that try it.
func (u *subscription) choose(state *mirror.State, ref *weirpb.FilterRef) (choice, error) {
	tenant := u.session.claims.Load().Tenant
	v, f := state.FilterVersion(tenant, ref.GetName(), ref.GetVersion())
	if f != nil {
		return choice{}, f
	}
	if ref.GetVersion() == 0 {
		canary, shadow := state.Trials(tenant, ref.GetName())
		if canary != nil && !canary.GetPaused() && u.tries(canary) {
			return choice{version: canary, canary: true, fallback: v}, nil
		}
		return choice{version: v, shadow: shadow, fallback: u.lastGood(state, v)}, nil
	}
	return choice{version: v, fallback: u.lastGood(state, v)}, nil
}

// lastGood returns the version that decides where v fails, nil if the failure policy is another.
func (u *subscription) lastGood(state *mirror.State, v *weirpb.FilterVersion) *weirpb.FilterVersion {
	namespace, f := state.Namespace(v.GetTenant(), u.request.GetChannel())
	if f != nil || namespace.GetOnFilterFailure() != weirpb.FailurePolicy_FAILURE_POLICY_LAST_GOOD {
		return nil
	}
	return state.Before(v)
}

// tries reports whether the subscription is one of those that a canary is tried with. The answer is the same each time, and
// those of a small share are part of a larger one.
func (u *subscription) tries(canary *weirpb.FilterVersion) bool {
	if failed := u.session.host.cfg.CanaryFailed; failed != nil && failed(canary) {
		return false
	}
	return u.lot(canary.GetName()) < canary.GetCanaryPercent()
}

// lot returns the subscription's number from 0 to 99, for one filter.
func (u *subscription) lot(filter string) uint32 {
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint32([]byte(filter), u.number))
	h.Write([]byte(u.session.id))
	mixed := h.Sum64()
	// The low bits of FNV follow the last byte; the high ones have seen all (the finaliser of MurmurHash3, first half).
	mixed = (mixed ^ mixed>>33) * 0xff51afd7ed558ccd
	return uint32((mixed >> 32) % 100)
}

// sameChoices reports whether terms made of a are as those made of b would be.
func sameChoices(a, b []choice) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].canary != b[i].canary || !sameVersion(a[i].version, b[i].version) ||
			!sameVersion(a[i].fallback, b[i].fallback) || !sameVersion(a[i].shadow, b[i].shadow) {
			return false
		}
	}
	return true
}

func sameVersion(a, b *weirpb.FilterVersion) bool {
	return a.GetVersion() == b.GetVersion() && a.GetPaused() == b.GetPaused() && bytes.Equal(a.GetDigest(), b.GetDigest())
}
