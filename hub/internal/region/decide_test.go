package region_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"weir/hub/internal/region"
)

func hello(name, incarnation string, r *region.Region) region.Hello {
	return region.Hello{Self: founder(name, incarnation), Shards: 4, Peers: []string{"a", "b", "c"}, Region: r}
}

func TestDecide(t *testing.T) {
	founded := region.Found([]region.Founder{founder("a", "1"), founder("b", "1"), founder("c", "1")}, 4)
	self := hello("a", "1", nil)
	other := hello("c", "1", nil)
	other.Peers = []string{"a", "c"}
	fewer := hello("c", "1", nil)
	fewer.Shards = 2
	member := hello("b", "1", &founded)
	member.Nodes = []region.Node{{Name: "b", Incarnation: "1"}, {Name: "d", Incarnation: "1"}}
	for _, x := range []struct {
		called string
		self   region.Hello
		heard  []region.Hello
		id     string
		err    error
		says   string
	}{
		{"nobody answers", self, nil, "", nil, "waiting for b, c"},
		{"one is missing", self, []region.Hello{hello("c", "1", nil)}, "", nil, "waiting for b"},
		{"all are new", self, []region.Hello{hello("c", "1", nil), hello("b", "1", nil)}, founded.ID, nil, ""},
		{"one has begun", self, []region.Hello{member}, founded.ID, nil, ""},
		{"one has begun with other data of this node", hello("a", "2", nil), []region.Hello{hello("c", "1", nil), member}, "", region.ErrDataGone, "region"},
		{"a node that had joined has lost its data", hello("d", "2", nil), []region.Hello{member}, "", region.ErrDataGone, "region"},
		{"one has begun without this node", hello("e", "1", nil), []region.Hello{member}, "", region.ErrForeign, founded.ID},
		{"one expects others", self, []region.Hello{hello("b", "1", nil), other}, "", nil, "expects"},
		{"one wants fewer shards", self, []region.Hello{hello("b", "1", nil), fewer}, "", nil, "wants 2 shards"},
	} {
		r, err := region.Decide(x.self, x.heard)
		switch {
		case x.id != "" && (err != nil || r == nil || r.ID != x.id):
			t.Errorf("%s: %v, %v", x.called, r, err)
		case x.id == "" && (err == nil || r != nil || !strings.Contains(err.Error(), x.says)):
			t.Errorf("%s: %v, %v", x.called, r, err)
		case x.err != nil && !errors.Is(err, x.err), x.err == nil && (errors.Is(err, region.ErrDataGone) || errors.Is(err, region.ErrForeign)):
			t.Errorf("%s: %v, want %v", x.called, err, x.err)
		}
	}
}

// TestOnlyOneRegionBegins has three nodes hear of each other in any order, any of them crash before or after it has written
// down what it found, and no node lose what it has written down.
func TestOnlyOneRegionBegins(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 500 {
		nodes := []region.Hello{hello("a", "1", nil), hello("b", "1", nil), hello("c", "1", nil)}
		for left := 3; left > 0; {
			n := r.IntN(3)
			if nodes[n].Region != nil {
				continue
			}
			var heard []region.Hello
			for i, h := range nodes {
				if i != n && r.IntN(3) > 0 {
					heard = append(heard, h)
				}
			}
			found, err := region.Decide(nodes[n], heard)
			if err == nil && r.IntN(4) > 0 { // else it crashes and has written down nothing
				nodes[n].Region = found
				left--
			}
		}
		for _, h := range nodes {
			if h.Region.ID != nodes[0].Region.ID {
				t.Fatalf("there are two regions: %s and %s", h.Region.ID, nodes[0].Region.ID)
			}
		}
	}
}
