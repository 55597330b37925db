package raftlog

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// TestWhatWasCutIsNotRemembered replaces the end of a log by that of another term.
func TestWhatWasCutIsNotRemembered(t *testing.T) {
	l := open(t, options(vfs.NewMem()))
	defer shut(t, l)
	store(t, l, 1, 20)
	if err := l.DeleteRange(11, 20); err != nil {
		t.Fatal(err)
	}
	expect(t, l, 1, 10)
	if err := l.GetLog(11, &raft.Log{}); err != raft.ErrLogNotFound {
		t.Errorf("an entry that was cut: %v", err)
	}
	if err := l.StoreLog(entryOf(11, 2, 200)); err != nil {
		t.Fatal(err)
	}
	var got raft.Log
	if err := l.GetLog(11, &got); err != nil || got.Term != 2 {
		t.Errorf("the entry is of term %d, %v", got.Term, err)
	}
	if err := l.DeleteRange(1, 5); err != nil {
		t.Fatal(err)
	}
	if err := l.GetLog(5, &got); err != raft.ErrLogNotFound {
		t.Errorf("an entry that was removed: %v", err)
	}
}

// TestRecentIsBounded fills it by count and by bytes, and looks for every entry.
func TestRecentIsBounded(t *testing.T) {
	for _, size := range []int{1, recentBytes / 8} {
		r, want := &recent{}, min(recentEntries, recentBytes/size)
		const last = 3 * recentEntries
		for i := uint64(1); i <= last; i++ {
			r.add([]*raft.Log{{Index: i, Data: make([]byte, size)}})
			if len(r.entries) > recentEntries || r.bytes > recentBytes {
				t.Fatalf("it has %d entries of %d bytes", len(r.entries), r.bytes)
			}
		}
		for i := uint64(0); i <= last+1; i++ {
			var got raft.Log
			if there := r.get(i, &got); there != (i <= last && i+uint64(want) > last) || there && got.Index != i {
				t.Fatalf("of %d entries of %d bytes, %d: %v, %d", last, size, i, there, got.Index)
			}
		}
	}
}

// TestRecentHasNoGaps goes on elsewhere, as after a snapshot of another node's.
func TestRecentHasNoGaps(t *testing.T) {
	r := &recent{}
	r.add([]*raft.Log{{Index: 1}, {Index: 2}, {Index: 7}})
	for i := range uint64(9) {
		if there := r.get(i, &raft.Log{}); there != (i == 7) {
			t.Errorf("entry %d: %v", i, there)
		}
	}
}

// TestSealingTakesNoMemory is about entries of the usual size: raft-wal makes a copy of its own.
func TestSealingTakesNoMemory(t *testing.T) {
	var s sealer
	entries := []*raft.Log{entryOf(1, 1, 1000), entryOf(2, 1, 2000)}
	if n := testing.AllocsPerRun(100, func() { s.seal(entries) }); n > 0 {
		t.Errorf("sealing allocates %v times", n)
	}
	for i, sealed := range s.seal(entries) {
		if err := unseal(sealed); err != nil || string(sealed.Data) != string(entries[i].Data) {
			t.Errorf("entry %d: %v", i, err)
		}
	}
}

// TestRotIsFoundBehindMemory damages what is still in memory.
func TestRotIsFoundBehindMemory(t *testing.T) {
	fs := vfs.NewMem()
	o := options(fs)
	var broken error
	o.Broken = func(err error) { broken = err }
	l := open(t, o)
	defer shut(t, l)
	store(t, l, 1, 20)
	rot(t, fs, "entry 7 of term 1")
	var got raft.Log
	if err := l.GetLog(7, &got); err != nil || broken != nil {
		t.Errorf("GetLog: %v, %v", err, broken)
	}
	l.End() // so that the reader does not wait to be cut off
	if err := l.ReadLog(7, &got); err != nil || !errors.Is(broken, ErrCorrupt) {
		t.Errorf("ReadLog: %v, %v", err, broken)
	}
}

// rot changes a byte of a text in whichever of the log's segments has it.
func rot(t *testing.T, fs *vfs.MemFS, text string) {
	t.Helper()
	names, err := fs.List("log")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := fs.OpenReadWrite(fs.PathJoin("log", name), category)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		content := make([]byte, info.Size())
		if _, err := f.ReadAt(content, 0); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if at := bytes.Index(content, []byte(text)); at >= 0 {
			if _, err := f.WriteAt([]byte("E"), int64(at)); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
