package simnet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"weir/hub/internal/simnet"
)

// dial returns both sides of a stream from a to b.
func dial(t *testing.T, n *simnet.Network) (here, there net.Conn) {
	t.Helper()
	a, b := n.Node("a").StreamLayer(1), n.Node("b").StreamLayer(1)
	here, err := a.Dial("b", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if there, err = b.Accept(); err != nil {
		t.Fatal(err)
	}
	if here.RemoteAddr().String() != "b" || there.RemoteAddr().String() != "a" {
		t.Errorf("the addresses are %v and %v", here.RemoteAddr(), there.RemoteAddr())
	}
	return here, there
}

func TestStreamsCarryWhatIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := dial(t, simnet.New())
		sent := bytes.Repeat([]byte("0123456789"), 300_000) // more than fits on the way
		go func() {
			_, _ = here.Write(sent)
			_ = here.Close()
		}()
		got, err := io.ReadAll(there)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes arrived of %d, %v", len(got), len(sent), err)
		}
		if _, err := there.Write([]byte("x")); err == nil {
			t.Error("a stream that the other side has closed can be written to")
		}
	})
}

func TestCutsHoldBackOneWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New()
		here, there := dial(t, n)
		n.Cut("a", "b")
		_, _ = here.Write([]byte("x"))
		_, _ = there.Write([]byte("y"))
		var one [1]byte
		if _, err := here.Read(one[:]); err != nil || one[0] != 'y' {
			t.Errorf("the other way has %q, %v", one, err)
		}
		_ = there.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := there.Read(one[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read through a cut: %q, %v", one, err)
		}
		_ = there.SetReadDeadline(time.Time{})
		n.Heal()
		if _, err := there.Read(one[:]); err != nil || one[0] != 'x' {
			t.Errorf("after it has healed: %q, %v", one, err)
		}
	})
}

func TestCallsWaitForTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New()
		a, b := n.Node("a"), n.Node("b")
		calls := 0
		b.Handle("m", func(_ context.Context, from string, request []byte) ([]byte, error) {
			calls++
			return append([]byte(from+" "), request...), nil
		})
		if got, err := a.Call(t.Context(), "b", "m", []byte("x")); err != nil || string(got) != "a x" {
			t.Errorf("answered is %q, %v", got, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n.Cut("b", "a") // the answer is lost
		if _, err := a.Call(ctx, "b", "m", nil); !errors.Is(err, context.DeadlineExceeded) || calls != 2 {
			t.Errorf("%v after %d calls", err, calls)
		}
		for _, to := range []string{"b", "nobody"} {
			n.Heal()
			if _, err := a.Call(t.Context(), to, "other", nil); err == nil {
				t.Errorf("node %q answers what it does not know", to)
			}
		}
		n.Part([]string{"a"}, []string{"b"})
		if _, err := a.StreamLayer(1).Dial("b", time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("dialled through a cut: %v", err)
		}
	})
}
