package store_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"weir/hub/internal/store"
)

// rowsOf lists a store's rows as they are stored.
func rowsOf(t *testing.T, s *store.Store) (rows [][2][]byte) {
	t.Helper()
	err := s.View(func(r store.Reader) error {
		return r.ScanSealed(func(key, value []byte) error {
			rows = append(rows, [2][]byte{bytes.Clone(key), bytes.Clone(value)})
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestCheckpointIsCopiedByteForByte(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "a"), store.Options{})
	put(t, s, "Ra", "1", "Sb", "two", "Sc", "")
	want := rowsOf(t, s)
	if err := s.Checkpoint(filepath.Join(dir, "checkpoint")); err != nil {
		t.Fatal(err)
	}
	put(t, s, "Sb", "later")

	checkpoint := open(t, filepath.Join(dir, "checkpoint"), store.Options{ReadOnly: true})
	other := open(t, filepath.Join(dir, "b"), store.Options{})
	b := other.NewBatch()
	for _, row := range rowsOf(t, checkpoint) {
		if err := b.PutSealed(row[0], row[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := other.Commit(b); err != nil {
		t.Fatal(err)
	}
	got := rowsOf(t, other)
	if len(got) != len(want) {
		t.Fatalf("%d rows of %d are there", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i][0], want[i][0]) || !bytes.Equal(got[i][1], want[i][1]) {
			t.Errorf("row %d is %q, not %q", i, got[i], want[i])
		}
	}
	if _, err := store.Unseal(got[1][0], got[2][1]); !errors.As(err, new(*store.CorruptError)) {
		t.Errorf("a row in another's place: %v", err)
	}
}
