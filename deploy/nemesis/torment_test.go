package nemesis

import (
	"context"
	"testing"

	"weir/deploy/internal/region"
	"weir/deploy/internal/wire"
)

const (
	// edges serve the clients.
	edges = 2
	// tenant is whom the channels belong to.
	tenant = region.Tenant
)

// A victim is a region with what can be done to it. Its nodes reach each other over a wire that can be cut.
type victim struct {
	*region.Region
	t     *testing.T
	wire  *wire.Wire
	disks *disks
}

// newVictim starts a region. It is stopped at the test's end, and shows its logs if that has failed.
func newVictim(ctx context.Context, t *testing.T, seed uint64, nodes int) *victim {
	t.Helper()
	v := &victim{t: t, wire: wire.New(seed), disks: &disks{t: t}}
	dir, binary := t.TempDir(), build(ctx, t)
	t.Cleanup(func() {
		if v.Region != nil {
			if t.Failed() {
				t.Log(v.Logs())
			}
			v.Stop()
		}
		v.disks.takeAway()
		v.must(v.wire.Close())
	})
	var err error
	v.Region, err = region.Start(ctx, region.Config{
		Binary: binary, Dir: dir, Nodes: nodes, Edges: edges, Wire: v.wire, Prepare: v.disks.give,
	})
	v.must(err)
	return v
}

func (v *victim) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}
