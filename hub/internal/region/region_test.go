package region_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/hub/internal/region"
)

func TestNodeIsForGood(t *testing.T) {
	dir := t.TempDir()
	made, err := region.EnsureNode(dir, "hub-1")
	if err != nil || made.Name != "hub-1" || len(made.Incarnation) < 20 {
		t.Fatalf("the node is %v, %v", made, err)
	}
	if again, err := region.EnsureNode(dir, "hub-1"); err != nil || again != made {
		t.Errorf("again it is %v, %v", again, err)
	}
	if _, err := region.EnsureNode(dir, "hub-2"); !errors.Is(err, region.ErrRenamed) {
		t.Errorf("renamed: %v", err)
	}
	if other, err := region.EnsureNode(t.TempDir(), "hub-1"); err != nil || other.Incarnation == made.Incarnation {
		t.Errorf("in another folder it is %v, %v", other, err)
	}
}

func founder(name, incarnation string) region.Founder {
	return region.Founder{Node: region.Node{Name: name, Incarnation: incarnation}}
}

func TestFoundersAgree(t *testing.T) {
	founders := []region.Founder{founder("b", "2"), founder("a", "1"), founder("c", "3")}
	r := region.Found(founders, 4)
	if diff := cmp.Diff([]string{"a", "b", "c"}, r.Names()); diff != "" || founders[0].Name != "b" {
		t.Errorf("the founders are %v, were %v", r.Names(), founders)
	}
	slices.Reverse(founders)
	if diff := cmp.Diff(r, region.Found(founders, 4)); diff != "" {
		t.Errorf("in another order they begin another region: %s", diff)
	}
	if region.Found(founders, 5).ID == r.ID {
		t.Error("regions with other shards are the same")
	}
	founders[0].Incarnation = "4"
	if region.Found(founders, 4).ID == r.ID {
		t.Error("regions of other folders are the same")
	}
	if !r.Founded(region.Node{Name: "a", Incarnation: "1"}) || r.Founded(region.Node{Name: "a", Incarnation: "9"}) {
		t.Error("it is not told who has founded it")
	}
}

func TestRegionIsKept(t *testing.T) {
	dir := t.TempDir()
	if _, found, err := region.Load(dir); found || err != nil {
		t.Fatalf("an empty folder has one: %v", err)
	}
	r := region.Found([]region.Founder{founder("a", "1")}, 4)
	if err := r.Save(dir); err != nil {
		t.Fatal(err)
	}
	if got, found, err := region.Load(dir); !found || err != nil || !cmp.Equal(got, r) {
		t.Errorf("kept is %v, %v, %v", got, found, err)
	}
	for _, content := range []string{"", "{}", `{"id":"x"}`, `[`} {
		if err := os.WriteFile(filepath.Join(dir, "region.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := region.Load(dir); !errors.Is(err, region.ErrUnreadable) {
			t.Errorf("%q: %v", content, err)
		}
	}
}
