package snapshot_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"weir/hub/internal/snapshot"
)

func open(t *testing.T, dir string) *snapshot.Store {
	t.Helper()
	s, err := snapshot.Open(vfs.Default, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var files = map[string]string{"CURRENT": "1", "000001.sst": strings.Repeat("x", 1000), "empty": "", "block": strings.Repeat("y", 512)}

func fill(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func create(t *testing.T, s *snapshot.Store, index uint64) *snapshot.Sink {
	t.Helper()
	one := raft.Configuration{Servers: []raft.Server{{ID: "hub-1", Address: "hub-1"}}}
	sink, err := s.Create(1, index, 3, one, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	return sink.(*snapshot.Sink)
}

func newSnapshot(t *testing.T, s *snapshot.Store, index uint64) string {
	t.Helper()
	sink := create(t, s, index)
	if err := sink.Fill(fill); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	return sink.ID()
}

func list(t *testing.T, s *snapshot.Store) []*raft.SnapshotMeta {
	t.Helper()
	all, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOnlyTheNewestIsKept(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	newSnapshot(t, s, 10)
	newest := newSnapshot(t, s, 20)
	if all := list(t, s); len(all) != 1 || all[0].ID != newest || all[0].Index != 20 || all[0].Term != 3 || len(all[0].Configuration.Servers) != 1 {
		t.Errorf("the snapshots are %+v", all)
	}
}

func TestUnfinishedSnapshotsDoNotCount(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	newSnapshot(t, s, 10)
	if err := create(t, s, 20).Fill(fill); err != nil {
		t.Fatal(err)
	}
	cancelled := create(t, s, 30)
	if err := cancelled.Fill(fill); err != nil {
		t.Fatal(err)
	}
	if err := cancelled.Cancel(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if all := list(t, s); len(all) != 1 || all[0].Index != 10 {
			t.Errorf("the snapshots are %+v", all)
		}
		s = open(t, dir)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// TestSnapshotTravels sends a snapshot as raft does: its stream is written into another node's sink.
func TestSnapshotTravels(t *testing.T) {
	s := open(t, t.TempDir())
	meta, stream, err := s.Open(newSnapshot(t, s, 10))
	if err != nil {
		t.Fatal(err)
	}
	newSnapshot(t, s, 11) // removes the one that is being sent
	content, err := io.ReadAll(stream)
	if err != nil || int64(len(content)) != meta.Size {
		t.Fatalf("the stream has %d bytes of %d, %v", len(content), meta.Size, err)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	other := open(t, t.TempDir())
	sink := create(t, other, 10)
	for chunk := range slices.Chunk(content, 700) {
		if _, err := sink.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	_, stream, err = other.Open(sink.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	dir := filepath.Join(t.TempDir(), "state")
	if err := snapshot.Unpack(vfs.Default, stream, dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s has %d bytes of %d, %v", name, len(got), len(want), err)
		}
	}
}

func TestStreamsThatLeadElsewhereAreRefused(t *testing.T) {
	for _, h := range []tar.Header{
		{Name: "../escape", Typeflag: tar.TypeReg},
		{Name: "a/b", Typeflag: tar.TypeReg},
		{Name: "/abs", Typeflag: tar.TypeReg},
		{Name: "link", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink},
		{Name: "dir/", Typeflag: tar.TypeDir},
		{Name: "..", Typeflag: tar.TypeReg},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := snapshot.Unpack(vfs.Default, &b, filepath.Join(t.TempDir(), "state")); err == nil {
			t.Errorf("%q is unpacked", h.Name)
		}
	}
}

func TestCutStreamIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	_, stream, err := s.Open(newSnapshot(t, s, 10))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	sink := create(t, s, 20)
	if _, err := sink.Write(content[:len(content)/2+7]); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err == nil {
		t.Error("half a snapshot is declared")
	}
	if all := list(t, s); len(all) != 1 || all[0].Index != 10 {
		t.Errorf("the snapshots are %+v", all)
	}
}

func FuzzUnpack(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: "a", Size: 3, Typeflag: tar.TypeReg})
	_, _ = w.Write([]byte("abc"))
	_ = w.Close()
	f.Add(b.Bytes())
	f.Add([]byte("no tar"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		parent := t.TempDir()
		_ = snapshot.Unpack(vfs.Default, bytes.NewReader(stream), filepath.Join(parent, "state"))
		entries, err := os.ReadDir(parent)
		if err != nil || len(entries) > 1 {
			t.Errorf("there are %v, %v", entries, err)
		}
	})
}
