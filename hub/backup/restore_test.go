package backup_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/hub/backup"
	"weir/hub/internal/datadir"
	"weir/hub/internal/region"
	"weir/hub/internal/store"
	"weir/proto/logpb"
)

func restore(t *testing.T, archive []byte, dir string) (*backup.Restored, error) {
	t.Helper()
	return backup.Restore(t.Context(), bytes.NewReader(archive), backup.Target{Dir: dir, NodeID: "new-1"})
}

// rowsIn lists the rows of a restored group.
func rowsIn(t *testing.T, dir, group string) map[string]string {
	t.Helper()
	s, err := store.Open(filepath.Join(dir, "groups", group, "state"), store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return rowsOf(t, s)
}

func rowsOf(t *testing.T, s *store.Store) map[string]string {
	t.Helper()
	rows := map[string]string{}
	err := s.View(func(r store.Reader) error {
		return r.ScanSealed(func(key, value []byte) error {
			rows[string(key)] = string(value)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestShardsAreRestoredByteForByte(t *testing.T) {
	s := newState(t)
	dir := filepath.Join(t.TempDir(), "data")
	restored, err := restore(t, s.whole(), dir)
	s.must(err)
	for group, name := range []string{"0", "1", "2"} {
		want, got := rowsOf(t, s.stores[group]), rowsIn(t, dir, name)
		if group == 0 {
			delete(want, "Cohub-1") // the old region's node
			delete(want, "Ci")
			delete(got, "Ci") // is yet to be initialised
		}
		if len(got) != len(want) {
			t.Errorf("group %s has %d rows of %d", name, len(got), len(want))
		}
		for key, value := range want {
			if got[key] != value {
				t.Errorf("group %s: the row %q is another", name, key)
			}
		}
	}
	r, found, err := region.Load(dir)
	if err != nil || !found || r.ID != restored.RegionID || r.ID == "old" || r.Begun || r.Shards != 2 || r.Founders[0].Name != "new-1" {
		t.Errorf("the region is %+v, %v", r, err)
	}
	if info, err := os.Stat(restored.AdminKey); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the operator's key: %v, %v", info, err)
	}
	d, err := datadir.Open(dir)
	s.must(err)
	s.must(d.Close())
}

func TestNewEpochsAreOnlyThat(t *testing.T) {
	s := newState(t)
	dir := filepath.Join(t.TempDir(), "data")
	_, err := backup.Restore(t.Context(), bytes.NewReader(s.whole()), backup.Target{Dir: dir, NodeID: "new-1", NewEpochs: true})
	s.must(err)
	epoch := func(rows map[string]string, key string) uint64 {
		row := &logpb.ChannelRow{}
		s.must(store.Unmarshal(nil, []byte(rows[key])[4:], row))
		if row.GetNextOffset() != 1101 {
			t.Errorf("the row is %v", row)
		}
		return row.GetEpoch()
	}
	want, got := rowsOf(t, s.stores[1]), rowsIn(t, dir, "1")
	if len(got) != len(want) {
		t.Fatalf("%d rows of %d are there", len(got), len(want))
	}
	for key, value := range want {
		switch kind := kindOf([]byte(key)); {
		case kind == "Sc":
			if was, is := epoch(want, key), epoch(got, key); is <= was+1_000_000 {
				t.Errorf("epoch %d has become %d", was, is)
			}
		case (got[key] != value) != (kind == "Sb"):
			t.Errorf("the row %q is another, or is not", key)
		}
	}
}

func TestFoldersThatAreNotEmptyStayAsTheyAre(t *testing.T) {
	archive := newState(t).whole()
	for _, name := range []string{"format", "groups", "notes.txt"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := restore(t, archive, dir); !errors.Is(err, backup.ErrNotEmpty) || !strings.Contains(err.Error(), name) {
			t.Errorf("with %q: %v", name, err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("with %q there are %v, %v", name, entries, err)
		}
	}
}

func TestCertificatesStay(t *testing.T) {
	s := newState(t)
	dir := t.TempDir()
	s.must(os.Mkdir(filepath.Join(dir, "link"), 0o700))
	s.must(os.WriteFile(filepath.Join(dir, "link", "ca.pem"), []byte("mine"), 0o600))
	_, err := restore(t, s.whole(), dir)
	s.must(err)
	if content, err := os.ReadFile(filepath.Join(dir, "link", "ca.pem")); err != nil || string(content) != "mine" {
		t.Errorf("the certificate is %q, %v", content, err)
	}
	if _, err := restore(t, s.whole(), dir); !errors.Is(err, backup.ErrNotEmpty) {
		t.Errorf("restored twice: %v", err)
	}
}

func TestDamagedArchivesLeaveNothing(t *testing.T) {
	archive := newState(t).whole()
	flipped := bytes.Clone(archive)
	flipped[len(flipped)-200] ^= 1
	for name, bad := range map[string][]byte{
		"nothing": nil, "damaged": flipped, "cut": archive[:len(archive)-1], "newer": []byte("weir backup 9\n"),
	} {
		dir := filepath.Join(t.TempDir(), "data")
		if _, err := restore(t, bad, dir); err == nil {
			t.Errorf("%s: it is restored", name)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
			t.Errorf("%s: there are %v, %v", name, entries, err)
		}
	}
}

// errKilled is what a reader fails with that copies the folder as a kill would leave it then.
var errKilled = errors.New("killed")

// TestKilledRestoreIsNoHub looks at what is there at many moments of a restore: no hub takes it for a data folder, and
// another restore makes it whole.
func TestKilledRestoreIsNoHub(t *testing.T) {
	archive := newState(t).whole()
	for _, at := range []int{14, 200, len(archive) / 3, len(archive) - 700, len(archive) - 1} {
		dir := filepath.Join(t.TempDir(), "data")
		killed := filepath.Join(t.TempDir(), "killed")
		kill := readerFunc(func([]byte) (int, error) {
			if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
				return 0, err
			}
			return 0, errKilled
		})
		target := backup.Target{Dir: dir, NodeID: "new-1"}
		if _, err := backup.Restore(t.Context(), io.MultiReader(bytes.NewReader(archive[:at]), kill), target); !errors.Is(err, errKilled) {
			t.Fatalf("killed after %d bytes: %v", at, err)
		}
		if _, err := datadir.Open(killed); !errors.Is(err, datadir.ErrNotAHub) {
			t.Errorf("killed after %d bytes, it is opened with %v", at, err)
		}
		if _, err := restore(t, archive, killed); err != nil {
			t.Errorf("killed after %d bytes, it can't be restored: %v", at, err)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestEndedRestoreLeavesNothing(t *testing.T) {
	archive := newState(t).whole()
	dir := filepath.Join(t.TempDir(), "data")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errKilled)
	target := backup.Target{Dir: dir, NodeID: "new-1"}
	if _, err := backup.Restore(ctx, bytes.NewReader(archive), target); !errors.Is(err, errKilled) {
		t.Errorf("the error is %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("there are %v, %v", entries, err)
	}
}
