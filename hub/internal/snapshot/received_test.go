package snapshot_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/hub/internal/snapshot"
)

// send writes a part of a stream into a sink, all of it for -1.
func send(t *testing.T, sink *snapshot.Sink, stream io.Reader, part int64) (sent int64) {
	t.Helper()
	if part >= 0 {
		stream = io.LimitReader(stream, part)
	}
	sent, err := io.Copy(sink, stream)
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

// stateOf reads a snapshot's files.
func stateOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(content)
	}
	return all
}

// TestBrokenTransferGoesOn breaks a transfer off, by the sender's end or the receiver's, and sends only the rest the next time.
func TestBrokenTransferGoesOn(t *testing.T) {
	for _, crash := range []bool{false, true} {
		from := open(t, t.TempDir())
		meta, stream, err := from.Open(newSnapshot(t, from, 10))
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		to := open(t, dir)
		sink := create(t, to, 10)
		send(t, sink, stream, meta.Size-1800) // the last file, "empty", and the one before are not there whole
		if crash {
			to = open(t, dir)
		} else if err := sink.Cancel(); err != nil {
			t.Fatal(err)
		}
		if err := stream.Close(); err != nil {
			t.Fatal(err)
		}

		newest := newSnapshot(t, from, 12) // of which most files are the same
		_, again, err := from.Open(newest)
		if err != nil {
			t.Fatal(err)
		}
		offered := again.(*snapshot.Stream).Files()
		has, err := to.Kept(t.Context(), offered)
		if err != nil || len(has) == 0 || len(has) == len(offered) {
			t.Fatalf("of %d files there are %d: %v", len(offered), len(has), err)
		}
		has["CURRENT"] = sha256.Sum256([]byte("another one")) // is sent again
		size, kept, err := again.(*snapshot.Stream).Keep(has)
		if err != nil || kept < 1000 || size >= meta.Size-kept+2000 {
			t.Fatalf("of %d bytes %d are left out and %d sent, %v", meta.Size, kept, size, err)
		}
		sink = create(t, to, 12)
		if sent := send(t, sink, again, -1); sent != size {
			t.Errorf("sent are %d bytes of %d", sent, size)
		}
		if err := sink.Close(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(files, stateOf(t, to.State(sink.ID()))); diff != "" {
			t.Error(diff)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("left are %v, %v", left, err)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReceivedFilesAreBounded offers a snapshot that has nothing of what came before.
func TestReceivedFilesAreBounded(t *testing.T) {
	from, dir := open(t, t.TempDir()), t.TempDir()
	_, stream, err := from.Open(newSnapshot(t, from, 10))
	if err != nil {
		t.Fatal(err)
	}
	to := open(t, dir)
	sink := create(t, to, 10)
	send(t, sink, stream, -1)
	if err := sink.Cancel(); err != nil {
		t.Fatal(err)
	}
	if has, err := to.Kept(t.Context(), []snapshot.File{{Name: "other", Size: 3}, {Name: "block", Size: 3}}); err != nil || len(has) != 0 {
		t.Errorf("there are %v, %v", has, err)
	}
	if left := stateOf(t, filepath.Join(dir, "received.part")); len(left) != 0 {
		t.Errorf("left are %d files", len(left))
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestOfferWaitsForWhatBreaksOff has a sender offer a snapshot before this node has noticed that the transfer before has broken off.
func TestOfferWaitsForWhatBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := open(t, t.TempDir())
		meta, stream, err := from.Open(newSnapshot(t, from, 10))
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		to := open(t, t.TempDir())
		sink := create(t, to, 10)
		send(t, sink, stream, meta.Size-1800)
		offered := stream.(*snapshot.Stream).Files()
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if has, err := to.Kept(impatient, offered); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("what is still coming is answered with %v, %v", has, err)
		}
		answered := make(chan int)
		go func() {
			has, err := to.Kept(t.Context(), offered)
			if err != nil {
				t.Error(err)
			}
			answered <- len(has)
		}()
		synctest.Wait()
		if err := sink.Cancel(); err != nil {
			t.Fatal(err)
		}
		if n := <-answered; n == 0 {
			t.Error("nothing of it is there")
		}
	})
}
