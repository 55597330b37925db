package mirror

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"weir/proto/weirpb"
)

// nodes are a hub whose nodes are told apart: each watch is of another one.
type nodes struct {
	watches chan []*weirpb.ControlUpdate // what each tells
	more    chan *weirpb.ControlUpdate   // what the latest tells later
	index   uint64
	err     error
}

func (n *nodes) WatchControl(ctx context.Context, deliver func(*weirpb.ControlUpdate) error) error {
	select {
	case first := <-n.watches:
		for _, u := range first {
			if err := deliver(u); err != nil {
				return err
			}
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for {
		select {
		case u := <-n.more:
			if u == nil {
				return errors.New("the node is lost")
			}
			if err := deliver(u); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (n *nodes) ControlIndex(context.Context) (uint64, error) { return n.index, n.err }

func update(index uint64, reset bool, tenants ...string) *weirpb.ControlUpdate {
	u := &weirpb.ControlUpdate{Index: index, Reset_: reset}
	for _, name := range tenants {
		u.Put = append(u.Put, &weirpb.ControlRecord{Record: &weirpb.ControlRecord_Tenant{Tenant: &weirpb.Tenant{Name: name}}})
	}
	return u
}

// watched runs a test with a mirror that has seen the tenants acme and new, at index 20.
func watched(t *testing.T, f func(t *testing.T, n *nodes, m *Mirror, told *int)) {
	synctest.Test(t, func(t *testing.T) {
		n := &nodes{watches: make(chan []*weirpb.ControlUpdate, 10), more: make(chan *weirpb.ControlUpdate, 10)}
		m := New(n, discard, newMetrics(t))
		told := 0
		m.Start(func(*State) { told++ })
		defer m.Close()
		n.watches <- []*weirpb.ControlUpdate{update(10, true, "acme"), update(20, false, "new")}
		synctest.Wait()
		if s := m.State(); s.Index != 20 || !s.HasTenant("new") || told != 2 {
			t.Fatalf("at first: index %d, told %d times", s.Index, told)
		}
		f(t, n, m, &told)
	})
}

// lose has the node be lost that is watched, and waits until another one may be watched.
func (n *nodes) lose() {
	n.more <- nil
	time.Sleep(2 * retryLongest)
	synctest.Wait()
}

func TestNodeThatIsBehindTakesNothingAway(t *testing.T) {
	watched(t, func(t *testing.T, n *nodes, m *Mirror, told *int) {
		n.index = 20
		n.watches <- []*weirpb.ControlUpdate{update(10, true, "acme")}
		n.lose()
		if s := m.State(); s.Index != 20 || !s.HasTenant("new") || *told != 2 {
			t.Fatalf("a node is behind: index %d, new %v, told %d times", s.Index, s.HasTenant("new"), *told)
		}
		n.more <- update(15, false)
		n.more <- update(25, false, "newer")
		synctest.Wait()
		if s := m.State(); s.Index != 25 || s.HasTenant("new") || !s.HasTenant("newer") || *told != 3 {
			t.Errorf("once it has caught up: index %d, told %d times", s.Index, *told)
		}
		n.more <- update(30, false)
		synctest.Wait()
		if s := m.State(); s.Index != 30 || !s.HasTenant("newer") || *told != 3 {
			t.Errorf("an index alone: index %d, told %d times", s.Index, *told)
		}
	})
}

func TestRegionThatHasGoneBackIsFollowed(t *testing.T) {
	watched(t, func(t *testing.T, n *nodes, m *Mirror, told *int) {
		n.index = 3
		n.watches <- []*weirpb.ControlUpdate{update(2, true), update(3, false, "acme")}
		n.lose()
		if s := m.State(); s.Index != 3 || s.HasTenant("new") || !s.HasTenant("acme") || *told != 3 {
			t.Errorf("index %d, told %d times", s.Index, *told)
		}
		n.more <- update(4, false, "newer")
		synctest.Wait()
		if s := m.State(); s.Index != 4 || !s.HasTenant("newer") {
			t.Errorf("afterwards: index %d", s.Index)
		}
	})
}

func TestNodeThatCanNotTellIsLeft(t *testing.T) {
	watched(t, func(t *testing.T, n *nodes, m *Mirror, told *int) {
		n.err = errors.New("no leader")
		n.watches <- []*weirpb.ControlUpdate{update(10, true, "acme")}
		n.lose()
		if s := m.State(); s.Index != 20 || !s.HasTenant("new") {
			t.Fatalf("index %d", s.Index)
		}
		n.err, n.index = nil, 22
		n.watches <- []*weirpb.ControlUpdate{update(22, true, "acme", "new", "newer")}
		time.Sleep(2 * retryLongest)
		synctest.Wait()
		if s := m.State(); s.Index != 22 || !s.HasTenant("newer") {
			t.Errorf("the next node: index %d", s.Index)
		}
		n.watches <- []*weirpb.ControlUpdate{update(23, false, "odd")}
		n.lose()
		if s := m.State(); s.HasTenant("odd") {
			t.Error("a watch that did not begin with a reset was taken")
		}
	})
}
