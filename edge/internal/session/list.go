package session

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// A Subscription describes a live one to operators.
type Subscription struct {
	// ID is SESSION/NUMBER.
	ID      string `json:"subscription"`
	Tenant  string `json:"tenant"`
	Subject string `json:"subject"`
	Remote  string `json:"remote"`
	Channel string `json:"channel"`
	// Filters are those that decide now, the pinned ones first.
	Filters []SubscriptionFilter `json:"filters"`
	// Epoch and Offset are how far it has been told; 0: that is being found out.
	Epoch  uint64 `json:"epoch"`
	Offset uint64 `json:"offset"`
}

// A SubscriptionFilter is one filter of a live subscription.
type SubscriptionFilter struct {
	Filter  string `json:"filter"`
	Version uint32 `json:"version"`
	SHA256  string `json:"sha256"`
	Pinned  bool   `json:"pinned,omitempty"`
	Canary  bool   `json:"canary,omitempty"`
	// Params as the subscriber gave them.
	Params string `json:"params"`
}

// Subscriptions lists the open subscriptions of a tenant, to one channel unless its name is empty, by ID.
func (h *Host) Subscriptions(tenant, channel string) []Subscription {
	list := []Subscription{}
	for _, s := range h.all() {
		if claims := s.claims.Load(); claims == nil || claims.Tenant != tenant {
			continue
		}
		for _, u := range s.all() {
			if now := u.standing.Load(); now != nil && (channel == "" || channel == u.request.GetChannel()) {
				list = append(list, u.describe(now))
			}
		}
	}
	slices.SortFunc(list, func(a, b Subscription) int { return strings.Compare(a.ID, b.ID) })
	return list
}

func (u *subscription) describe(now *standing) Subscription {
	claims := u.session.claims.Load()
	d := Subscription{
		ID: u.session.id + "/" + strconv.FormatUint(uint64(u.number), 10), Tenant: claims.Tenant, Subject: claims.Subject,
		Remote: u.session.conn.RemoteAddr().String(), Channel: u.request.GetChannel(), Filters: []SubscriptionFilter{},
	}
	refs, pins := u.wanted(now.refs)
	for i, ref := range refs[:min(len(refs), len(now.choices))] {
		v := now.choices[i].version
		d.Filters = append(d.Filters, SubscriptionFilter{
			Filter: v.GetName(), Version: v.GetVersion(), SHA256: hex.EncodeToString(v.GetDigest()), Pinned: i < pins,
			Canary: now.choices[i].canary, Params: string(ref.GetParams()),
		})
	}
	if told, known := now.subscriber.Told(); known {
		d.Epoch, d.Offset = told.GetEpoch(), told.GetOffset()
	}
	return d
}
