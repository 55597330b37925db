package mesh

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// pair returns both ends of a stream of group 1, the first on hub-1.
func (r *region) pair() (ours, theirs net.Conn) {
	r.t.Helper()
	ours, err := r.nodes[0].StreamLayer(1).Dial("hub-2", time.Second)
	if err != nil {
		r.t.Fatal(err)
	}
	theirs, err = r.nodes[1].StreamLayer(1).Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	return ours, theirs
}

func TestStreamsAreConns(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		r.nodes[1].StreamLayer(1)
		a, b := r.pair()
		if a.LocalAddr().String() != "hub-1" || a.RemoteAddr().String() != "hub-2" || b.RemoteAddr().String() != "hub-1" {
			t.Errorf("addresses: %v %v %v", a.LocalAddr(), a.RemoteAddr(), b.RemoteAddr())
		}
		_, _ = a.Write([]byte("to and "))
		_, _ = a.Write([]byte("fro"))
		_ = a.Close()
		if got, err := io.ReadAll(b); err != nil || string(got) != "to and fro" {
			t.Errorf("read %q, %v: what was written before Close is delivered", got, err)
		}
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read after Close: %v", err)
		}
		if _, err := a.Write([]byte("x")); err == nil {
			t.Error("Write after Close does not fail")
		}
		synctest.Wait()
		within(t, time.Second, "the peer's Write fails", func() bool { _, err := b.Write([]byte("x")); return err != nil })
	})
}

func TestDeadlines(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		r.nodes[1].StreamLayer(1)
		a, _ := r.pair()
		_ = a.SetDeadline(time.Now().Add(time.Second))
		began := time.Now()
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("Read: %v after %v", err, time.Since(began))
		}
		_ = a.SetDeadline(time.Now().Add(time.Second))
		if _, err := a.Write(make([]byte, 16<<20)); !errors.Is(err, os.ErrDeadlineExceeded) { // nobody reads
			t.Errorf("Write: %v", err)
		}
	})
}

func TestCloseUnblocks(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		r.nodes[1].StreamLayer(1)
		a, b := r.pair()
		failed := make(chan error, 2)
		go func() { _, err := a.Write(make([]byte, 16<<20)); failed <- err }()
		go func() { _, err := a.Read(make([]byte, 1)); failed <- err }()
		synctest.Wait()
		_ = a.Close()
		for range 2 {
			if err := <-failed; err == nil {
				t.Error("a call that was blocked has not failed")
			}
		}
		if _, err := io.Copy(io.Discard, b); err == nil {
			t.Error("the peer takes what was cut off for all")
		}
	})
}

func TestStreamsThatAreRefused(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		a, b := r.nodes[0], r.nodes[1]
		refused := func(what string) {
			t.Helper()
			conn, err := a.StreamLayer(1).Dial("hub-2", time.Second)
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := conn.Read(make([]byte, 1)); err == nil || err == io.EOF || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: %v", what, err)
			}
			_ = conn.Close()
		}
		refused("unknown group")
		queue := b.StreamLayer(1).(*layer).accepted
		b.admit = func(node string, group uint32) error { return errors.New("not of this region") }
		refused("not admitted")
		b.admit = nil
		for range acceptQueue { // nobody accepts them
			if _, err := a.StreamLayer(1).Dial("hub-2", time.Second); err != nil {
				t.Fatal(err)
			}
		}
		within(t, time.Second, "the queue is full", func() bool { return len(queue) == acceptQueue })
		refused("queue full")
	})
}

func TestLayersCloseTheirStreams(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		b := r.nodes[1].StreamLayer(1)
		ours, theirs := r.pair()
		waiting := make(chan error, 1)
		go func() { _, err := b.Accept(); waiting <- err }()
		synctest.Wait()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := <-waiting; !errors.Is(err, ErrClosed) {
			t.Errorf("Accept: %v", err)
		}
		if _, err := theirs.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("Read of an accepted stream: %v", err)
		}
		if _, err := ours.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("Read at the other end: %v", err)
		}
		if _, err := b.Dial("hub-1", time.Second); !errors.Is(err, ErrClosed) {
			t.Errorf("Dial: %v", err)
		}
		again := r.nodes[1].StreamLayer(1)
		if again == b {
			t.Error("a closed layer is given out again")
		}
		if _, theirs := r.pair(); theirs == nil {
			t.Error("the group can't be opened anew")
		}
	})
}

func TestDialSaysWhatIsWrong(t *testing.T) {
	inRegion(t, 3, func(t *testing.T, r *region) {
		a := r.nodes[0]
		r.nodes[1].addr, r.nodes[2].addr = r.nodes[2].addr, r.nodes[1].addr // a wrong address book
		for node, want := range map[string]string{
			"hub-2": "the node is hub-3 by its certificate, where hub-2 was expected",
			"hub-9": ErrUnknownNode.Error(),
			"hub-1": "does not connect to itself",
		} {
			if _, err := a.StreamLayer(1).Dial(raft.ServerAddress(node), time.Second); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", node, err, want)
			}
		}
	})
}

// Streams that have ended, in whatever way, make place for others.
func TestStreamsDoNotLeak(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		a, b := r.nodes[0], r.nodes[1]
		b.Handle("echo", echo)
		group, other := a.StreamLayer(1), b.StreamLayer(1)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				conn, err := other.Accept()
				if err != nil {
					return
				}
				go func() { _, _ = io.Copy(io.Discard, conn); _ = conn.Close() }()
			}
		}()
		for i := range 2 * maxStreams {
			if i%4 == 3 {
				if _, err := a.Call(t.Context(), "hub-2", "echo", nil); err != nil {
					t.Fatalf("call %d: %v", i, err)
				}
				continue
			}
			dialed := group
			if i%4 == 2 {
				dialed = a.StreamLayer(2) // which is refused
			}
			conn, err := dialed.Dial("hub-2", time.Second)
			if err != nil {
				t.Fatalf("stream %d: %v", i, err)
			}
			switch i % 4 {
			case 0:
				_, _ = conn.Write([]byte("x"))
			case 1: // cut off while it is written
				_ = conn.SetWriteDeadline(time.Now().Add(time.Microsecond))
				_, _ = conn.Write(make([]byte, 8<<10))
			case 2:
				_, _ = conn.Read(make([]byte, 1))
			}
			_ = conn.Close()
		}
		within(t, time.Second, "all streams are closed", func() bool {
			return testutil.ToFloat64(a.metrics.streams) == 0 && testutil.ToFloat64(b.metrics.streams) == 0
		})
		_ = other.Close()
		<-done
	})
}
