package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/hub/internal/store"
	"weir/proto/weirpb"
)

func open(t *testing.T, dir string, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func put(t *testing.T, s *store.Store, pairs ...string) {
	t.Helper()
	b := s.NewBatch()
	for i := 0; i < len(pairs); i += 2 {
		if err := b.Put([]byte(pairs[i]), []byte(pairs[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Commit(b); err != nil {
		t.Fatal(err)
	}
}

func get(s *store.Store, key string) (value string, found bool, err error) {
	err = s.View(func(r store.Reader) error {
		found, err = r.Get([]byte(key), func(body []byte) error {
			value = string(body)
			return nil
		})
		return err
	})
	return value, found, err
}

func TestRows(t *testing.T) {
	s := open(t, "state", store.Options{FS: vfs.NewMem()})
	put(t, s, "a", "1", "b", "2", "c", "3", "d", "")
	b := s.NewBatch()
	if err := errors.Join(b.Delete([]byte("a")), b.DeleteRange([]byte("b"), []byte("c"))); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(b); err != nil {
		t.Fatal(err)
	}
	var all []string
	err := s.View(func(r store.Reader) error {
		return r.Scan(nil, nil, func(key, body []byte) (bool, error) {
			all = append(all, string(key)+"="+string(body))
			return true, nil
		})
	})
	if got := strings.Join(all, " "); err != nil || got != "c=3 d=" {
		t.Errorf("left is %q, %v", got, err)
	}
}

func TestUnsyncedBatchesAreLostFromTheEnd(t *testing.T) {
	disk := vfs.NewCrashableMem()
	s := open(t, "state", store.Options{FS: disk})
	put(t, s, "a", "1")
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	put(t, s, "b", "2")
	crashed := open(t, "state", store.Options{FS: disk.CrashClone(vfs.CrashCloneCfg{})})
	if _, found, err := get(crashed, "a"); !found || err != nil {
		t.Errorf("what was flushed: %v, %v", found, err)
	}
	if _, found, err := get(crashed, "b"); found || err != nil {
		t.Errorf("what was not: %v, %v", found, err)
	}
}

func TestClosedStore(t *testing.T) {
	s := open(t, "state", store.Options{FS: vfs.NewMem()})
	b := s.NewBatch()
	if err := b.Discard(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := get(s, "a"); !errors.Is(err, store.ErrClosed) {
		t.Errorf("a read: %v", err)
	}
	if err := s.NewBatch().Put([]byte("a"), nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("a write: %v", err)
	}
	if err := s.Checkpoint("copy"); !errors.Is(err, store.ErrClosed) {
		t.Errorf("a checkpoint: %v", err)
	}
}

// TestFlippedBitsAreFoundOut damages what is on disk, byte by byte of a row's place there.
func TestFlippedBitsAreFoundOut(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	secret := strings.Repeat("payload ", 20)
	put(t, s, "key", secret)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	flip(t, dir)
	reported := 0
	s = open(t, dir, store.Options{OnCorrupt: func(error) { reported++ }})
	_, _, err := get(s, "key")
	var corrupt *store.CorruptError
	if !errors.As(err, &corrupt) || reported != 1 {
		t.Fatalf("the damaged row is read with %v, reported %d times", err, reported)
	}
	if strings.Contains(err.Error(), "payload") {
		t.Errorf("the error has the row's contents: %v", err)
	}
}

// flip changes a byte in the first data block of each table: Pebble's own checksums guard those, too.
func flip(t *testing.T, dir string) {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal("there are no tables", err)
	}
	for _, name := range tables {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		content[20] ^= 0x40
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUnsealFindsEveryChangedBit(t *testing.T) {
	key, value := []byte("some key"), []byte("0000some value")
	store.Seal(key, value)
	if body, err := store.Unseal(key, value); err != nil || string(body) != "some value" {
		t.Fatalf("%q, %v", body, err)
	}
	if _, err := store.Unseal([]byte("some kez"), value); err == nil {
		t.Error("a row in another's place is taken for it")
	}
	for bit := range len(value) * 8 {
		damaged := append([]byte(nil), value...)
		damaged[bit/8] ^= 1 << (bit % 8)
		if _, err := store.Unseal(key, damaged); err == nil {
			t.Errorf("bit %d can be changed", bit)
		}
	}
	for n := range len(value) {
		if _, err := store.Unseal(key, value[:n]); err == nil {
			t.Errorf("%d of %d bytes are taken for all", n, len(value))
		}
	}
}

func FuzzUnseal(f *testing.F) {
	f.Add([]byte("key"), []byte("0000value"))
	f.Add([]byte(""), []byte(""))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		body, err := store.Unseal(key, value)
		var corrupt *store.CorruptError
		if err != nil && !errors.As(err, &corrupt) {
			t.Errorf("the error is %v", err)
		}
		if err != nil {
			return
		}
		again := append(make([]byte, 4), body...)
		store.Seal(key, again)
		if string(again) != string(value) {
			t.Errorf("%x is sealed as %x", value, again)
		}
		if err := store.Unmarshal(key, body, &weirpb.Event{}); err != nil && !errors.As(err, &corrupt) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestAfter(t *testing.T) {
	for prefix, want := range map[string]string{"a": "b", "a\xff": "b", "a\xff\xff": "b", "\xff": "", "": ""} {
		if got := store.After([]byte(prefix)); string(got) != want {
			t.Errorf("after %q comes %q, want %q", prefix, got, want)
		}
	}
}
