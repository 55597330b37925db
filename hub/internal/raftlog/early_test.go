package raftlog

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// A slowFS makes segments durable when it is let, or never.
type slowFS struct {
	vfs.FS
	held  atomic.Pointer[chan error] // nil: at once
	syncs atomic.Int64
}

func (fs *slowFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.FS.OpenReadWrite(name, c, o...)
	if !strings.HasSuffix(name, ".wal") {
		return f, err
	}
	return slowFile{f, fs}, err
}

// hold has whatever is made durable wait.
func (fs *slowFS) hold() chan error {
	held := make(chan error)
	fs.held.Store(&held)
	return held
}

// release ends hold, with an error for the log's only writer, which waits.
func (fs *slowFS) release(held chan error, err error) {
	synctest.Wait()
	fs.held.Store(nil)
	held <- err
}

type slowFile struct {
	vfs.File
	fs *slowFS
}

func (f slowFile) SyncData() error {
	f.fs.syncs.Add(1)
	if held := f.fs.held.Load(); held != nil {
		if err := <-*held; err != nil {
			return err
		}
	}
	return f.File.SyncData()
}

// openEarly opens the log of a node that leads as long as the answer says so.
func openEarly(t *testing.T, o Options) (*Log, *atomic.Bool) {
	t.Helper()
	l := open(t, o)
	leads := &atomic.Bool{}
	leads.Store(true)
	l.Early(leads.Load)
	return l, leads
}

// TestLeaderGoesOnWhileItsLogIsWritten takes batches while the disk is busy with the first, and writes them with one fsync.
func TestLeaderGoesOnWhileItsLogIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := &slowFS{FS: vfs.NewMem()}
		l, _ := openEarly(t, options(fs))
		store(t, l, 1, 1)
		synctest.Wait()
		held, before := fs.hold(), fs.syncs.Load()
		store(t, l, 2, 2)
		synctest.Wait()
		store(t, l, 3, 9)
		expect(t, l, 1, 9)
		if d := l.Durable(9); d != 1 {
			t.Errorf("entry %d is said to be durable", d)
		}
		if err := l.ReadLog(5, &raft.Log{}); !errors.Is(err, raft.ErrLogNotFound) {
			t.Errorf("the disk has entry 5: %v", err)
		}
		awaited := make(chan error)
		go func() { awaited <- l.Await(5) }()
		synctest.Wait()
		select {
		case err := <-awaited:
			t.Errorf("entry 5 is durable: %v", err)
		default:
		}
		fs.release(held, nil)
		if err := <-awaited; err != nil {
			t.Error(err)
		}
		if n := fs.syncs.Load() - before; n != 2 {
			t.Errorf("%d fsyncs for the first batch and those that came meanwhile", n)
		}
		synctest.Wait()
		if d := l.Durable(9); d != 9 {
			t.Errorf("entry %d is durable, not 9", d)
		}
		expect(t, l, 1, 9)
		shut(t, l)
	})
}

// TestFollowerIsToldWhatIsDurable has a leader become a follower while its disk is busy: it neither finds an entry that the new
// leader sends it again, nor appends one, before all is durable.
func TestFollowerIsToldWhatIsDurable(t *testing.T) {
	for what, try := range map[string]func(*Log) error{
		"finds":         func(l *Log) error { return l.GetLog(2, &raft.Log{}) },
		"appends":       func(l *Log) error { return l.StoreLog(entryOf(4, 2, 200)) },
		"cuts":          func(l *Log) error { return l.DeleteRange(3, 3) },
		"begins a term": func(l *Log) error { return l.StoreLog(&raft.Log{Index: 4, Term: 2, Type: raft.LogNoop}) },
	} {
		synctest.Test(t, func(t *testing.T) {
			fs := &slowFS{FS: vfs.NewMem()}
			l, leads := openEarly(t, options(fs))
			store(t, l, 1, 1)
			synctest.Wait()
			held := fs.hold()
			store(t, l, 2, 3)
			leads.Store(what == "begins a term")
			done := make(chan error)
			go func() { done <- try(l) }()
			synctest.Wait()
			select {
			case err := <-done:
				t.Errorf("it %s: %v", what, err)
			default:
			}
			fs.release(held, nil)
			if err := <-done; err != nil {
				t.Errorf("it %s: %v", what, err)
			}
			if d := l.Durable(3); d != 3 {
				t.Errorf("it %s when entry %d is durable", what, d)
			}
			shut(t, l)
		})
	}
}

// TestWhatALeaderTakesIsBounded by count and by bytes.
func TestWhatALeaderTakesIsBounded(t *testing.T) {
	for _, size := range []int{1, queueBytes / 4} {
		synctest.Test(t, func(t *testing.T) {
			fs := &slowFS{FS: vfs.NewMem()}
			l, _ := openEarly(t, options(fs))
			held := fs.hold()
			var taken atomic.Uint64
			most := uint64(min(queueEntries, queueBytes/size))
			all := 3 * most
			go func() {
				for i := uint64(1); i <= all; i++ {
					if err := l.StoreLog(entryOf(i, 1, size)); err != nil {
						t.Errorf("entry %d: %v", i, err)
					}
					taken.Store(i)
				}
			}()
			synctest.Wait()
			if n := taken.Load(); n == 0 || n > most {
				t.Errorf("%d entries of %d bytes were taken", n, size)
			}
			fs.release(held, nil)
			if err := l.Await(all); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if n := taken.Load(); n != all || l.Durable(all) != all {
				t.Errorf("%d entries were taken, %d are durable", n, l.Durable(all))
			}
			shut(t, l)
		})
	}
}

// TestWhatIsLostIsNeverSeen has the fsync fail, or the disk be full, for what a leader has taken.
func TestWhatIsLostIsNeverSeen(t *testing.T) {
	for failure, want := range map[error]error{syscall.EIO: ErrDisk, syscall.ENOSPC: ErrDisk} {
		synctest.Test(t, func(t *testing.T) {
			fs := &slowFS{FS: vfs.NewCrashableMem()}
			o := options(fs)
			told := make(chan error, 1)
			o.Broken = func(err error) { told <- err }
			l, _ := openEarly(t, o)
			store(t, l, 1, 3)
			synctest.Wait()
			held := fs.hold()
			store(t, l, 4, 6)
			awaited, got := make(chan error), make(chan raft.Log)
			go func() { awaited <- l.Await(5) }()
			fs.release(held, failure)
			if err := <-awaited; !errors.Is(err, want) {
				t.Errorf("who waits for entry 5 is told %v", err)
			}
			if err := <-told; !errors.Is(err, want) {
				t.Errorf("the owner is told %v", err)
			}
			if err := l.StoreLog(entryOf(7, 1, 200)); !errors.Is(err, want) {
				t.Errorf("afterwards: %v", err)
			}
			if err := l.Await(3); err != nil || l.Durable(9) != 3 {
				t.Errorf("entry %d is durable, %v", l.Durable(9), err)
			}
			if last, err := l.LastIndex(); err != nil || last != 3 {
				t.Errorf("the log ends at %d, %v", last, err)
			}
			go func() {
				var entry raft.Log
				if err := l.GetLog(5, &entry); err != nil {
					t.Error(err)
				}
				got <- entry
			}()
			synctest.Wait()
			select {
			case <-got:
				t.Error("entry 5 can be read")
			default:
			}
			l.End()
			if entry := <-got; entry.Type != raft.LogNoop {
				t.Errorf("it is %+v", entry)
			}
			shut(t, l)
		})
	}
}

// TestDiskIsFullForALeader has no room for the next segment, which costs what was taken meanwhile and not more.
func TestDiskIsFullForALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := &badFS{FS: vfs.NewMem()}
		o := options(fs)
		told := make(chan error, 1)
		o.Broken = func(err error) { told <- err }
		l, _ := openEarly(t, o)
		fs.full = true
		last := uint64(0)
		for l.StoreLog(entryOf(last+1, 1, 200)) == nil {
			last++
			synctest.Wait()
		}
		if why := <-told; !errors.Is(why, ErrNoRoom) {
			t.Errorf("it is told %v", why)
		}
		durable := l.Durable(last)
		if durable != last-1 || !errors.Is(l.Await(last), ErrNoRoom) {
			t.Errorf("%d of %d are durable, and the last: %v", durable, last, l.Await(last))
		}
		shut(t, l)
		fs.full = false
		l, _ = openEarly(t, o)
		expect(t, l, 1, durable)
		store(t, l, durable+1, durable+20)
		shut(t, l)
	})
}

// TestClosingWritesWhatWasTaken closes while the disk is busy.
func TestClosingWritesWhatWasTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := &slowFS{FS: vfs.NewMem()}
		l, _ := openEarly(t, options(fs))
		held := fs.hold()
		store(t, l, 1, 5)
		go func() {
			time.Sleep(time.Second)
			fs.release(held, nil)
		}()
		shut(t, l)
		if err := l.StoreLog(entryOf(6, 1, 200)); err == nil {
			t.Error("a closed log takes an entry")
		}
		l = open(t, options(fs))
		expect(t, l, 1, 5)
		shut(t, l)
	})
}

// TestHeadIsRemovedWhileALeaderAppends has a snapshot take all that is on the disk.
func TestHeadIsRemovedWhileALeaderAppends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := &slowFS{FS: vfs.NewMem()}
		l, _ := openEarly(t, options(fs))
		store(t, l, 1, 40)
		synctest.Wait()
		held := fs.hold()
		store(t, l, 41, 45)
		done := make(chan error)
		go func() { done <- l.DeleteRange(1, 40) }()
		synctest.Wait()
		fs.release(held, nil)
		if err := <-done; err != nil {
			t.Error(err)
		}
		expect(t, l, 41, 45)
		store(t, l, 46, 60)
		shut(t, l)
		l = open(t, options(fs))
		expect(t, l, 41, 60)
		shut(t, l)
	})
}

// TestPowerFailureLosesNothingDurable drops what has not been made durable while a leader appends: what was said to be durable
// is there, and of the rest a beginning.
func TestPowerFailureLosesNothingDurable(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	behind := 0
	for round := range 25 {
		fs, last := vfs.NewCrashableMem(), uint64(0)
		for range 4 {
			l, err := Open("log", options(fs))
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			l.Early(func() bool { return true })
			for range rng.IntN(30) {
				n := 1 + rng.Uint64N(4)
				store(t, l, last+1, last+n)
				last += n
				if rng.IntN(4) == 0 {
					if err := l.Await(last - rng.Uint64N(n)); err != nil {
						t.Fatal(err)
					}
				}
			}
			durable := l.Durable(last)
			crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(3) * 50, RNG: rng})
			shut(t, l)
			fs = crashed
			if l, err = Open("log", options(fs)); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			left, err := l.LastIndex()
			if err != nil || left < durable || left > last {
				t.Fatalf("round %d: of %d entries, %d durable, %d are left, %v", round, last, durable, left, err)
			}
			if left > 0 {
				expect(t, l, 1, left)
			}
			if left < last {
				behind++
			}
			last = left
			shut(t, l)
		}
	}
	t.Logf("something was lost %d times of 100", behind)
}
