package control

import (
	"errors"
	"strings"
	"testing"

	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// checkRows has a Check look at all rows of a control state that which lets through.
func checkRows(r *rig, which func(key []byte) bool) (*Check, error) {
	c := NewCheck()
	err := r.store.View(func(rows store.Reader) error {
		return rows.Scan(nil, nil, func(key, body []byte) (bool, error) {
			if !which(key) {
				return true, nil
			}
			return true, c.Row(key, body)
		})
	})
	return c, errors.Join(err, c.End())
}

func all([]byte) bool { return true }

// checkRig is a region with everything that there can be.
func checkRig(t *testing.T) *rig {
	r := newRig(t)
	r.must(
		&logpb.ControlCommand{Command: &logpb.ControlCommand_Initialise{Initialise: &logpb.Initialise{
			Region: "here", Shards: 2, Nodes: []*logpb.NodeRecord{{Id: "hub-1"}},
			Root: &logpb.ApiKeyRecord{ApiKey: &weirpb.ApiKey{Id: "root"}},
		}}},
		&logpb.ControlCommand{Command: &logpb.ControlCommand_CreateTenant{CreateTenant: &logpb.CreateTenant{Name: "acme"}}},
		&logpb.ControlCommand{Command: &logpb.ControlCommand_CreateTenant{CreateTenant: &logpb.CreateTenant{Name: "gone"}}},
		&logpb.ControlCommand{Command: &logpb.ControlCommand_CreateSigningKey{CreateSigningKey: &logpb.CreateSigningKey{
			Key: &weirpb.SigningKey{Tenant: "acme", Id: "k"},
		}}},
	)
	r.upload("acme", "near", []byte("a module of several chunks"))
	return r
}

func TestCheckKnowsTenantsUntilTheyAreForgotten(t *testing.T) {
	r := checkRig(t)
	before := r.control.State()
	id := before.Tenants["gone"].ID()
	deleteGone := &logpb.ControlCommand{Command: &logpb.ControlCommand_DeleteTenant{DeleteTenant: &logpb.DeleteTenant{Name: "gone"}}}
	r.must(deleteGone)
	c, err := checkRows(r, all)
	if err != nil || !c.Knows(id) || c.Tenants() != 1 {
		t.Errorf("while it is dropped: known %v, %d tenants, %v", c.Knows(id), c.Tenants(), err)
	}
	if before.ForgottenIn(r.control.State()) {
		t.Error("it is said to be forgotten while it is dropped")
	}
	dropping := r.control.State()
	r.must(&logpb.ControlCommand{Command: &logpb.ControlCommand_TenantDropped{TenantDropped: &logpb.TenantDropped{TenantId: id}}})
	if c, err = checkRows(r, all); err != nil || c.Knows(id) {
		t.Errorf("once it is dropped: known %v, %v", c.Knows(id), err)
	}
	if !before.ForgottenIn(r.control.State()) || !dropping.ForgottenIn(r.control.State()) {
		t.Error("it is not said to be forgotten")
	}
}

func TestCheckFindsWhatIsMissing(t *testing.T) {
	r := checkRig(t)
	for _, missing := range []string{"Ci", "Ctacme", "Ch"} {
		_, err := checkRows(r, func(key []byte) bool { return !strings.HasPrefix(string(key), missing) })
		if err == nil {
			t.Errorf("%s is not missed", missing)
		}
	}
	if err := NewCheck().Row([]byte("Cx"), nil); !errors.As(err, new(*store.CorruptError)) {
		t.Errorf("a row of a kind that is unknown: %v", err)
	}
	if err := NewCheck().Row([]byte("S"), nil); !errors.As(err, new(*store.CorruptError)) {
		t.Errorf("a shard's row: %v", err)
	}
}

func TestRefoundedRegionIsYetToBeInitialised(t *testing.T) {
	r := checkRig(t)
	b := r.store.NewBatch()
	nodes := 0
	err := r.store.View(func(rows store.Reader) error {
		return rows.Scan(nil, nil, func(key, body []byte) (bool, error) {
			changed, keep, err := Refound(key, body)
			if !keep {
				nodes++
				return true, errors.Join(err, b.Delete(key))
			}
			return true, errors.Join(err, b.Put(key, changed))
		})
	})
	if err := errors.Join(err, r.store.Commit(b), r.control.Reload()); err != nil {
		t.Fatal(err)
	}
	s := r.control.State()
	if s.Meta.GetInitialised() || s.Meta.GetRegion() != "" || nodes != 1 || len(s.Nodes) != 0 || len(s.Tenants) != 2 || len(s.ApiKeys) != 1 {
		t.Errorf("the state is %v with nodes %v, tenants %v, keys %v", s.Meta, s.Nodes, s.Tenants, s.ApiKeys)
	}
}
