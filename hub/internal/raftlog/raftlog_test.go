package raftlog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// segmentBytes are few, so that tests fill many segments.
const segmentBytes = 4 << 10

func options(fs vfs.FS) Options {
	return Options{FS: fs, Logger: hclog.NewNullLogger(), SegmentBytes: segmentBytes}
}

func open(t *testing.T, o Options) *Log {
	t.Helper()
	l, err := Open("log", o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func shut(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func entryOf(index, term uint64, size int) *raft.Log {
	data := fmt.Sprintf("entry %d of term %d %s", index, term, strings.Repeat("x", size))
	return &raft.Log{Index: index, Term: term, Type: raft.LogCommand, Data: []byte(data), Extensions: []byte("e")}
}

func store(t *testing.T, l *Log, from, to uint64) {
	t.Helper()
	for i := from; i <= to; i++ {
		if err := l.StoreLog(entryOf(i, 1, 200)); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
}

func expect(t *testing.T, l *Log, first, last uint64) {
	t.Helper()
	f, err := l.FirstIndex()
	if err != nil || f != first {
		t.Errorf("the log begins at %d, %v, not at %d", f, err, first)
	}
	if n, err := l.LastIndex(); err != nil || n != last {
		t.Errorf("the log ends at %d, %v, not at %d", n, err, last)
	}
	for i := first; i <= last && last > 0; i++ {
		var got raft.Log
		if err := l.GetLog(i, &got); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
		want := entryOf(i, got.Term, 200)
		if got.Index != i || string(got.Data) != string(want.Data) || string(got.Extensions) != "e" {
			t.Fatalf("entry %d is %+v", i, got)
		}
	}
}

func TestEntriesAndVotesAreKept(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, options(fs))
	store(t, l, 1, 100)
	if err := errors.Join(l.SetUint64([]byte("term"), 7), l.Set([]byte("vote"), []byte("hub-2"))); err != nil {
		t.Fatal(err)
	}
	if err := l.DeleteRange(1, 40); err != nil {
		t.Fatal(err)
	}
	if err := l.DeleteRange(91, 100); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		expect(t, l, 41, 90)
		shut(t, l)
		l = open(t, options(fs))
	}
	defer shut(t, l)
	term, err := l.GetUint64([]byte("term"))
	vote, err2 := l.Get([]byte("vote"))
	if err != nil || err2 != nil || term != 7 || string(vote) != "hub-2" {
		t.Errorf("the vote is %d, %q, %v, %v", term, vote, err, err2)
	}
	store(t, l, 91, 120)
	expect(t, l, 41, 120)
	if err := l.DeleteRange(1, 120); err != nil {
		t.Fatal(err)
	}
	store(t, l, 500, 510) // as after a snapshot of another node's
	expect(t, l, 500, 510)
}

// TestKeepHoldsEntriesBack keeps what another node is about to need.
func TestKeepHoldsEntriesBack(t *testing.T) {
	o := options(vfs.NewMem())
	keep := uint64(20)
	o.Keep = func() uint64 { return keep }
	l := open(t, o)
	defer shut(t, l)
	store(t, l, 1, 60)
	if err := l.DeleteRange(1, 50); err != nil {
		t.Fatal(err)
	}
	expect(t, l, 20, 60)
	keep = 0
	if err := l.DeleteRange(20, 50); err != nil {
		t.Fatal(err)
	}
	expect(t, l, 51, 60)
}

// TestAnyDamageIsNoticed flips a bit anywhere in what has been written: the log is refused, or has all that was
// acknowledged. It never ends early without a word, and never has another entry than was written.
func TestAnyDamageIsNoticed(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	refused := 0
	for range 120 {
		fs := vfs.NewMem()
		l := open(t, options(fs))
		store(t, l, 1, uint64(1+rng.IntN(40)))
		last, _ := l.LastIndex()
		shut(t, l)
		where := damage(t, fs, rng)
		l, err := Open("log", options(fs))
		if errors.Is(err, ErrCorrupt) {
			refused++
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		expect(t, l, 1, last)
		if t.Failed() {
			t.Fatal(where)
		}
		shut(t, l)
	}
	if refused < 40 {
		t.Errorf("damage was noticed in %d of 120 logs", refused)
	}
}

// damage flips a bit of a segment that has been used.
func damage(t *testing.T, fs *vfs.MemFS, rng *rand.Rand) string {
	t.Helper()
	names, err := fs.List("log")
	if err != nil {
		t.Fatal(err)
	}
	for {
		name := names[rng.IntN(len(names))]
		if !strings.HasSuffix(name, ".wal") {
			continue
		}
		path := fs.PathJoin("log", name)
		content, err := fs.UnsafeGetFileDataBuffer(path)
		if err != nil {
			t.Fatal(err)
		}
		used := len(strings.TrimRight(string(content), "\x00"))
		if used == 0 {
			continue
		}
		at := rng.IntN(used)
		content[at] ^= 1 << rng.IntN(8)
		return fmt.Sprintf("%s, byte %d of %d", name, at, used)
	}
}

// TestOneRottenCopyOfTheVotesIsMadeUpFor flips bits in either copy, and in both.
func TestOneRottenCopyOfTheVotesIsMadeUpFor(t *testing.T) {
	for _, rot := range []struct {
		slots []int
		fine  bool
	}{{[]int{0}, true}, {[]int{1}, true}, {[]int{0, 1}, false}} {
		fs := vfs.NewMem()
		l := open(t, options(fs))
		for i := range uint64(5) {
			if err := l.SetUint64([]byte("term"), i); err != nil {
				t.Fatal(err)
			}
		}
		shut(t, l)
		content, err := fs.UnsafeGetFileDataBuffer("log/meta")
		if err != nil {
			t.Fatal(err)
		}
		for _, slot := range rot.slots {
			content[slot*slotBytes+headerBytes+3] ^= 4
		}
		l, err = Open("log", options(fs))
		if !rot.fine {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("both copies: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if term, err := l.GetUint64([]byte("term")); err != nil || term != 4 {
			t.Errorf("with rot in %v the term is %d, %v", rot.slots, term, err)
		}
		shut(t, l)
	}
}

// TestPowerFailureLosesNothingAcknowledged drops what had not been made durable at some moment, all of it or a random part.
func TestPowerFailureLosesNothingAcknowledged(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for round := range 25 {
		fs := vfs.NewCrashableMem()
		first, last, term := uint64(1), uint64(0), uint64(0)
		for range 4 {
			l, err := Open("log", options(fs))
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			if n, _ := l.LastIndex(); n != last {
				t.Fatalf("round %d: the log ends at %d, not at %d", round, n, last)
			}
			if last > 0 {
				expect(t, l, first, last)
			}
			if n, err := l.GetUint64([]byte("term")); err != nil || n != term {
				t.Fatalf("round %d: the term is %d, %v, not %d", round, n, err, term)
			}
			for range rng.IntN(30) {
				first, last, term = act(t, l, rng, first, last, term)
			}
			crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(3) * 50, RNG: rng})
			shut(t, l)
			fs = crashed
		}
	}
}

// act does something to the log that it must not forget.
func act(t *testing.T, l *Log, rng *rand.Rand, first, last, term uint64) (uint64, uint64, uint64) {
	t.Helper()
	switch kind := rng.IntN(10); {
	case kind == 0:
		term++
		if err := l.SetUint64([]byte("term"), term); err != nil {
			t.Fatal(err)
		}
	case kind == 1 && last > first+3: // a new leader has other entries
		cut := first + 2 + rng.Uint64N(last-first-2)
		if err := l.DeleteRange(cut, last); err != nil {
			t.Fatal(err)
		}
		last = cut - 1
	case kind == 2 && last > first+3: // a snapshot has been made
		cut := first + rng.Uint64N(last-first-1)
		if err := l.DeleteRange(first, cut); err != nil {
			t.Fatal(err)
		}
		first = cut + 1
	default:
		n := 1 + rng.Uint64N(4)
		store(t, l, last+1, last+n)
		last += n
	}
	return first, last, term
}

// A badFS fails on demand: nothing can be made, or nothing made durable.
type badFS struct {
	vfs.FS
	full, broken bool
}

func (fs *badFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if fs.full {
		return nil, syscall.ENOSPC
	}
	return fs.FS.Create(name, c)
}

func (fs *badFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.FS.OpenReadWrite(name, c, o...)
	return badFile{f, fs}, err
}

type badFile struct {
	vfs.File
	fs *badFS
}

func (f badFile) SyncData() error {
	if f.fs.broken {
		return syscall.EIO
	}
	return f.File.SyncData()
}

func TestFullDiskIsToldAndPasses(t *testing.T) {
	fs := &badFS{FS: vfs.NewMem()}
	o := options(fs)
	asked, told := 0, make(chan error, 1)
	o.Full = func() { asked++ }
	o.Broken = func(err error) { told <- err }
	l := open(t, o)
	fs.full = true
	last := uint64(0)
	for {
		err := l.StoreLog(entryOf(last+1, 1, 200))
		if err != nil {
			if !errors.Is(err, ErrNoRoom) {
				t.Fatalf("entry %d: %v", last+1, err)
			}
			break
		}
		last++
	}
	if why := <-told; !errors.Is(why, ErrNoRoom) || asked == 0 {
		t.Errorf("it is told %v, and room was asked for %d times", why, asked)
	}
	expect(t, l, 1, last) // it can be read
	shut(t, l)
	if _, err := Open("log", o); !errors.Is(err, ErrNoRoom) {
		t.Errorf("while the disk is full it opens with %v", err)
	}
	fs.full = false
	l = open(t, o)
	defer shut(t, l)
	expect(t, l, 1, last)
	store(t, l, last+1, last+20)
}

// TestReserveIsUsed has whoever is asked for room make some.
func TestReserveIsUsed(t *testing.T) {
	fs := &badFS{FS: vfs.NewMem()}
	o := options(fs)
	o.Full = func() { fs.full = false }
	l := open(t, o)
	defer shut(t, l)
	fs.full = true
	store(t, l, 1, 100)
	if fs.full {
		t.Error("nobody was asked for room")
	}
}

// TestFailedSyncIsTheLast has an fsync fail once: nothing may be written after it, though it would succeed.
func TestFailedSyncIsTheLast(t *testing.T) {
	fs := &badFS{FS: vfs.NewMem()}
	o := options(fs)
	told := make(chan error, 1)
	o.Broken = func(err error) { told <- err }
	l := open(t, o)
	defer shut(t, l)
	store(t, l, 1, 5)
	fs.broken = true
	if err := l.StoreLog(entryOf(6, 1, 200)); !errors.Is(err, ErrDisk) {
		t.Errorf("the entry is stored with %v", err)
	}
	fs.broken = false
	if err := l.StoreLog(entryOf(6, 1, 200)); !errors.Is(err, ErrDisk) {
		t.Errorf("afterwards it is stored with %v", err)
	}
	if why := <-told; !errors.Is(why, ErrDisk) {
		t.Errorf("it is told %v", why)
	}
	voted := make(chan error)
	go func() { voted <- l.SetUint64([]byte("term"), 9) }()
	l.End()
	if err := <-voted; err != nil {
		t.Errorf("a vote that nobody hears: %v", err)
	}
	if err := l.Usable(); !errors.Is(err, ErrDisk) {
		t.Errorf("the log is usable: %v", err)
	}
}

func FuzzDecodeMeta(f *testing.F) {
	good, err := encodeMeta(metaRecord{Stable: map[string][]byte{"a": {1}}}, 3)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, slot []byte) {
		if r, sequence, ok := decodeMeta(slot); ok {
			if _, err := encodeMeta(r, sequence); err != nil {
				t.Error(err)
			}
		}
	})
}
