package hub

import (
	"context"
	"sync"
	"sync/atomic"

	"weir/proto/weirpb"
)

// maxLate is how many publications may wait until it is clear whether there is what they name: some tens of milliseconds'
// worth.
const maxLate = 4096

// A latePublication waits.
type latePublication struct {
	publication *weirpb.Publication
	done        func(*weirpb.Receipt, error)
}

// lateComers are publications that name what this node may not have heard of yet. Those of a tenant that come after one
// that waits wait behind it, so that their order is kept.
type lateComers struct {
	// tenants is how many there are in waiting: the fast path of what mu guards.
	tenants atomic.Int32

	mu      sync.Mutex
	waiting map[string][]latePublication // by tenant; guarded by mu
	count   int                          // over all; guarded by mu
}

func (l *lateComers) init() { l.waiting = map[string][]latePublication{} }

// holds queues a publication if others of its tenant wait, or if it must.
func (h *Hub) holds(tenant string, p latePublication, must bool) bool {
	l := &h.late
	if !must && l.tenants.Load() == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	queue, there := l.waiting[tenant]
	switch {
	case !there && !must:
		return false
	case l.count >= maxLate:
		return false
	case !there:
		if !h.status.spawn(&h.running, func() { h.settle(tenant) }) {
			return false
		}
		l.tenants.Add(1)
	}
	l.count++
	l.waiting[tenant] = append(queue, p)
	return true
}

// settle takes or refuses what a tenant has in waiting, until there is nothing. What came after the node had begun to catch
// up waits for the next time: it may name what was made meanwhile.
func (h *Hub) settle(tenant string) {
	for {
		queue := h.late.take(tenant)
		if len(queue) == 0 {
			return
		}
		late := h.catchUp(h.ctx)
		for _, p := range queue {
			h.submit(tenant, p, late)
		}
	}
}

// take returns what waits. When there is nothing, the tenant waits no longer.
func (l *lateComers) take(tenant string) []latePublication {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := l.waiting[tenant]
	l.count -= len(queue)
	if len(queue) == 0 {
		delete(l.waiting, tenant)
		l.tenants.Add(-1)
		return nil
	}
	l.waiting[tenant] = nil
	return queue
}

// submit takes or refuses one that has waited. late is why the node has not caught up, nil if it has.
func (h *Hub) submit(tenant string, p latePublication, late error) {
	part, item, err := h.admit(tenant, p.publication)
	if err != nil {
		if late != nil && h.mayBeLate(err) && context.Cause(h.ctx) == nil {
			err = mayNotKnow(late)
		}
		h.refuse(p.done, err)
		return
	}
	h.accept(part, item, p.done)
}
