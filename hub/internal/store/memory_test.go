package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"weir/hub/internal/store"
)

func scanAll(t interface{ Fatal(...any) }, r store.Reader, start, end []byte) (all []string) {
	err := r.Scan(start, end, func(key, body []byte) (bool, error) {
		all = append(all, fmt.Sprintf("%s=%s", key, body))
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestMemoryIsAsAFolder does the same to a store in memory and to one of Pebble's.
func TestMemoryIsAsAFolder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stores [2]*store.Store
		for i, o := range []store.Options{{FS: vfs.NewMem()}, {Memory: &store.Memory{}}} {
			s, err := store.Open("state", o)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			stores[i] = s
		}
		key := rapid.Custom(func(t *rapid.T) []byte {
			return []byte(rapid.SampledFrom([]string{"a", "aa", "ab", "b", "ba", "c"}).Draw(t, "key"))
		})
		for range rapid.IntRange(1, 12).Draw(t, "batches") {
			batches := [2]*store.Batch{stores[0].NewBatch(), stores[1].NewBatch()}
			for n := range rapid.IntRange(0, 4).Draw(t, "changes") {
				kind, from, to := rapid.IntRange(0, 3).Draw(t, "kind"), key.Draw(t, "from"), key.Draw(t, "to")
				for _, b := range batches {
					var err error
					switch {
					case kind == 0:
						err = b.Delete(from)
					case kind == 1 && string(from) < string(to):
						err = b.DeleteRange(from, to)
					default:
						err = b.Put(from, fmt.Append(nil, n))
					}
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			var all [2][]string
			for i, s := range stores {
				err := s.ViewSnapshot(func(r store.Reader) error {
					before := scanAll(t, r, nil, nil)
					if err := s.Commit(batches[i]); err != nil {
						t.Fatal(err)
					}
					if after := scanAll(t, r, nil, nil); !slices.Equal(before, after) {
						t.Fatalf("a snapshot has become %v, was %v", after, before)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				err = s.View(func(r store.Reader) error {
					all[i] = append(scanAll(t, r, nil, nil), scanAll(t, r, []byte("aa"), []byte("b"))...)
					found, err := r.Get([]byte("ab"), nil)
					all[i] = append(all[i], fmt.Sprint(found))
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(all[0], all[1]) {
				t.Fatalf("in memory there are %v, in a folder %v", all[1], all[0])
			}
		}
	})
}

func TestMemoryLosesWhatWasNotFlushed(t *testing.T) {
	m := &store.Memory{}
	s := open(t, "", store.Options{Memory: m})
	put(t, s, "a", "1")
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	put(t, s, "a", "2", "b", "2")
	put(t, s, "c", "3")
	if n := m.Unflushed(); n != 2 {
		t.Errorf("%d batches are not flushed", n)
	}
	for _, want := range []string{"[a=2 b=2]", "[a=1]"} {
		m.Crash(m.Unflushed() - 1)
		again := open(t, "", store.Options{Memory: m})
		var all []string
		_ = again.View(func(r store.Reader) error { all = scanAll(t, r, nil, nil); return nil })
		if got := fmt.Sprint(all); got != want {
			t.Errorf("after a crash there are %s, want %s", got, want)
		}
	}
}
