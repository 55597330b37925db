package fakehub

import (
	"cmp"
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"weir/proto/weirpb"
)

// control is the control state: records, with a log of their changes.
type control struct {
	changes []*weirpb.ControlUpdate
	late    bool              // changes are not told
	asked   int               // how often the index was asked for
	modules map[string][]byte // by digest
	records []*weirpb.ControlRecord
}

// identity names what a record is about.
func identity(r *weirpb.ControlRecord) string {
	switch r := r.GetRecord().(type) {
	case *weirpb.ControlRecord_Tenant:
		return fmt.Sprintf("tenant %s", r.Tenant.GetName())
	case *weirpb.ControlRecord_Namespace:
		return fmt.Sprintf("namespace %s %s", r.Namespace.GetTenant(), r.Namespace.GetName())
	case *weirpb.ControlRecord_SigningKey:
		return fmt.Sprintf("key %s %s", r.SigningKey.GetTenant(), r.SigningKey.GetId())
	case *weirpb.ControlRecord_FilterVersion:
		return fmt.Sprintf("filter %s %s %d", r.FilterVersion.GetTenant(), r.FilterVersion.GetName(), r.FilterVersion.GetVersion())
	}
	panic("a record of no kind")
}

// tenantOf returns whose a record is.
func tenantOf(r *weirpb.ControlRecord) string {
	return cmp.Or(r.GetTenant().GetName(), r.GetNamespace().GetTenant(), r.GetSigningKey().GetTenant(), r.GetFilterVersion().GetTenant())
}

// record wraps a message of the control state.
func record(m proto.Message) *weirpb.ControlRecord {
	switch m := m.(type) {
	case *weirpb.Tenant:
		return &weirpb.ControlRecord{Record: &weirpb.ControlRecord_Tenant{Tenant: m}}
	case *weirpb.Namespace:
		return &weirpb.ControlRecord{Record: &weirpb.ControlRecord_Namespace{Namespace: m}}
	case *weirpb.SigningKey:
		return &weirpb.ControlRecord{Record: &weirpb.ControlRecord_SigningKey{SigningKey: m}}
	case *weirpb.FilterVersion:
		return &weirpb.ControlRecord{Record: &weirpb.ControlRecord_FilterVersion{FilterVersion: m}}
	}
	panic(fmt.Sprintf("%T is not part of the control state", m))
}

func (c *control) namespace(tenant, name string) *weirpb.Namespace {
	for _, r := range c.records {
		if n := r.GetNamespace(); n.GetTenant() == tenant && n.GetName() == name {
			return n
		}
	}
	return nil
}

// retire makes no version of a filter live, and returns the latest one's number.
func (c *control) retire(tenant, filter string) (latest uint32) {
	for _, r := range c.records {
		if f := r.GetFilterVersion(); f.GetTenant() == tenant && f.GetName() == filter {
			f = proto.CloneOf(f)
			f.Live = false
			c.apply(f, false)
			latest = max(latest, f.GetVersion())
		}
	}
	return latest
}

func (c *control) apply(m proto.Message, gone bool) {
	r := record(m)
	var kept []*weirpb.ControlRecord
	for _, old := range c.records {
		if identity(old) != identity(r) && (!gone || r.GetTenant() == nil || tenantOf(old) != r.GetTenant().GetName()) {
			kept = append(kept, old)
		}
	}
	u := &weirpb.ControlUpdate{Index: uint64(len(c.changes)) + 1}
	if gone {
		u.Delete = []*weirpb.ControlRecord{r}
	} else {
		u.Put = []*weirpb.ControlRecord{r}
		kept = append(kept, r)
	}
	c.records = kept
	c.changes = append(c.changes, u)
}

// Put adds or changes a Tenant, Namespace, SigningKey or FilterVersion.
func (h *Hub) Put(m proto.Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.control.apply(m, false)
	h.touch()
}

// Drop deletes what Put has added.
func (h *Hub) Drop(m proto.Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.control.apply(m, true)
	h.touch()
}

// EndCanary ends a trial, as edge.Upstream says.
func (h *Hub) EndCanary(_ context.Context, tenant, filter string, version uint32, sinceMs int64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.control.records {
		v := r.GetFilterVersion()
		if v.GetTenant() == tenant && v.GetName() == filter && v.GetVersion() == version && v.GetRoleSinceMs() == sinceMs {
			v = proto.CloneOf(v)
			v.Role, v.CanaryPercent = weirpb.FilterRole_FILTER_ROLE_PUSHED, 0
			h.control.apply(v, false)
			h.touch()
			return nil
		}
	}
	return nil
}

// HoldControl has changes of the control state be told no more, as if they were on their way, or again.
func (h *Hub) HoldControl(held bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.control.late = held
	h.touch()
}

// Asked returns how often ControlIndex has been called.
func (h *Hub) Asked() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.control.asked
}

// ControlIndex says how far the control state is, told or not, as edge.Upstream says.
func (h *Hub) ControlIndex(context.Context) (uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.control.asked++
	if h.down {
		return 0, ErrDown
	}
	return uint64(len(h.control.changes)), nil
}

// WatchControl tells the control state, as edge.Upstream says.
func (h *Hub) WatchControl(ctx context.Context, deliver func(*weirpb.ControlUpdate) error) error {
	h.mu.Lock()
	cuts, down, seen := h.cuts, h.down, len(h.control.changes)
	all := &weirpb.ControlUpdate{Index: uint64(seen), Reset_: true, Put: h.control.records}
	h.mu.Unlock()
	if down {
		return ErrDown
	}
	if err := deliver(all); err != nil {
		return err
	}
	for {
		h.mu.Lock()
		changed, cut := h.changed, h.cuts != cuts
		news := h.control.changes[seen:]
		if h.control.late {
			news = nil
		}
		seen += len(news)
		h.mu.Unlock()
		if cut {
			return ErrDown
		}
		for _, u := range news {
			if err := deliver(u); err != nil {
				return err
			}
		}
		if len(news) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
