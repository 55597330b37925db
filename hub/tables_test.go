package hub

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/proto/weirpb"
)

// TestSnapshotsOnlyTablesAreLinked also has folders with names that are patterns to who looks for files.
func TestSnapshotsOnlyTablesAreLinked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "hub[1]*")
	state, kept, only := filepath.Join(dir, "state"), filepath.Join(dir, "kept"), filepath.Join(dir, "only")
	if err := errors.Join(os.MkdirAll(state, 0o700), os.MkdirAll(kept, 0o700)); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{
		filepath.Join(state, "1.sst"): "both", filepath.Join(kept, "2.sst"): "one", filepath.Join(state, "3.sst"): "two",
		filepath.Join(kept, "3.sst"): "other", filepath.Join(kept, "MANIFEST-1"): "x",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(state, "1.sst"), filepath.Join(kept, "1.sst")); err != nil {
		t.Fatal(err)
	}
	if err := linkUnlike(kept, state, only); err != nil {
		t.Fatal(err)
	}
	linked, err := os.ReadDir(only)
	if err != nil || len(linked) != 2 || linked[0].Name() != "2.sst" || linked[1].Name() != "3.sst" {
		t.Errorf("linked are %v, %v", linked, err)
	}
	if n := sizeOf(only); n != uint64(len("one")+len("other")) {
		t.Errorf("they have %d bytes", n)
	}
	if err := linkUnlike(filepath.Join(dir, "gone"), state, only); err != nil {
		t.Errorf("a snapshot that has been replaced meanwhile: %v", err)
	}
}

// TestVerificationOfTheFutureIsDueSoon has the clock have been ahead when a group was read.
func TestVerificationOfTheFutureIsDueSoon(t *testing.T) {
	h := withTenant(t, Config{})
	g := h.groups[1]
	if err := os.WriteFile(g.verifiedFile(), []byte(`{"finished":"2199-01-01T00:00:00Z"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	g.loadVerified()
	if !g.verification.isDue(time.Now().Add(defaultVerifyEvery), defaultVerifyEvery) {
		t.Error("it is not due for decades")
	}
}

// TestVerificationAskedForWhileAGroupIsRebuiltIsMadeUpFor asks for all to be read while one group can't be.
func TestVerificationAskedForWhileAGroupIsRebuiltIsMadeUpFor(t *testing.T) {
	h := withTenant(t, Config{VerifyEvery: -1, verifyLook: time.Millisecond})
	sick, well := h.groups[1], h.groups[2]
	sick.ails.Store(ailsDisk)
	if _, err := h.VerifyRegion(testContext(t), &weirpb.VerifyRegionRequest{}); err != nil {
		t.Fatal(err)
	}
	ctx := testContext(t)
	await := func(g *group) {
		for g.verification.get().GetFinishedMs() == 0 {
			select {
			case <-ctx.Done():
				t.Fatalf("group %d is not read", g.id)
			case <-time.After(time.Millisecond):
			}
		}
	}
	await(well)
	if sick.verification.get().GetFinishedMs() != 0 {
		t.Error("what is being rebuilt has been read")
	}
	sick.ails.Store(ailment(""))
	await(sick)
	read := sick.verification.get().GetFinishedMs()
	for _, g := range h.groups {
		if g.verification.isDue(time.Now(), -1) {
			t.Errorf("group %d is to be read again", g.id)
		}
	}
	if again := sick.verification.get().GetFinishedMs(); again != read {
		t.Error("it has been read again")
	}
}
