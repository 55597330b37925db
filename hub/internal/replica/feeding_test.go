package replica

import (
	"bytes"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func newFeeding(t *testing.T, segments int) (*feeding, string) {
	t.Helper()
	fs := vfs.NewMem()
	if err := fs.MkdirAll("log", 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range segments {
		file, err := fs.Create(fs.PathJoin("log", string(rune('a'+i))+".wal"), "test")
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	f := &feeding{}
	f.init(Config{FS: fs, Logger: slog.New(slog.DiscardHandler), SegmentBytes: 256 << 20})
	return f, "log"
}

// TestLogIsKeptForWhoIsFed keeps what follows the oldest snapshot that is on its way, and for a while after it.
func TestLogIsKeptForWhoIsFed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, dir := newFeeding(t, 3)
		if keep := f.keep(dir); keep != 0 {
			t.Errorf("for nobody %d is kept", keep)
		}
		one, two := f.begin("hub-2", 100, 10), f.begin("hub-3", 50, 10)
		if keep := f.keep(dir); keep != 51 {
			t.Errorf("kept is %d", keep)
		}
		f.end(two)
		time.Sleep(feedGrace - time.Second)
		if keep := f.keep(dir); keep != 51 {
			t.Errorf("within the grace %d is kept", keep)
		}
		time.Sleep(2 * time.Second)
		if keep := f.keep(dir); keep != 101 {
			t.Errorf("after it %d is kept", keep)
		}
		f.end(one)
		time.Sleep(feedGrace + time.Second)
		if keep := f.keep(dir); keep != 0 || len(f.feeds) > 0 {
			t.Errorf("in the end %d is kept for %d", keep, len(f.feeds))
		}
	})
}

func TestKeptLogIsBounded(t *testing.T) {
	f, dir := newFeeding(t, 5) // 1.25 GiB
	f.begin("hub-2", 100, 10)
	if keep := f.keep(dir); keep != 0 {
		t.Errorf("of a log that is too long %d is kept", keep)
	}
}

// TestSnapshotsArePaced sends three seconds' worth, in virtual time.
func TestSnapshotsArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := newFeeding(t, 0)
		const size = 3 * feedRate
		one := f.begin("hub-2", 1, size)
		p := &pacer{from: io.LimitReader(zeros{}, size), feeding: f, feed: one, log: f.log, reported: one.Began}
		if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, p, make([]byte, 256<<10)); n != size || err != nil {
			t.Errorf("sent are %d bytes, %v", n, err)
		}
		if took := time.Since(one.Began); took < 2900*time.Millisecond || took > 3100*time.Millisecond || one.Sent != size {
			t.Errorf("%d bytes took %v", one.Sent, took)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte{0}, len(p))), nil }
