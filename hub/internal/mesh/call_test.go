package mesh

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"weir/proto/fault"
)

func echo(_ context.Context, from string, request []byte) ([]byte, error) {
	return append([]byte(from+" "), request...), nil
}

func TestCalls(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		a, b := r.nodes[0], r.nodes[1]
		b.Handle("echo", echo)
		b.Handle("full", func(context.Context, string, []byte) ([]byte, error) {
			return nil, fault.New(fault.NotLeader, "ask hub-3").WithHint("it leads")
		})
		if got, err := a.Call(t.Context(), "hub-2", "echo", []byte("hello")); err != nil || string(got) != "hub-1 hello" {
			t.Errorf("Call = %q, %v", got, err)
		}
		large := bytes.Repeat([]byte("x"), MaxRequest)
		b.Handle("echo", func(_ context.Context, _ string, request []byte) ([]byte, error) { return request, nil })
		if got, err := a.Call(t.Context(), "hub-2", "echo", large); err != nil || !bytes.Equal(got, large) {
			t.Errorf("Call with the largest request: %d bytes, %v", len(got), err)
		}
		_, err := a.Call(t.Context(), "hub-2", "full", nil)
		var refused *fault.Fault
		if !errors.As(err, &refused) || refused.Code != fault.NotLeader || refused.Hint != "it leads" {
			t.Errorf("Call = %v, want the handler's fault", err)
		}
		for _, test := range []struct {
			name, node, method string
			request            []byte
			code               fault.Code
		}{
			{"no handler", "hub-2", "other", nil, fault.NotFound},
			{"too long", "hub-2", "echo", append(large, 'x'), fault.InvalidArgument},
			{"bad method", "hub-2", "Echo!", nil, fault.InvalidArgument},
			{"unknown node", "hub-9", "echo", nil, fault.Unavailable},
			{"itself", "hub-1", "echo", nil, fault.Unavailable},
		} {
			if _, err := a.Call(t.Context(), test.node, test.method, test.request); fault.CodeOf(err) != test.code {
				t.Errorf("%s: %v, want %s", test.name, err, test.code)
			}
		}
	})
}

func TestCallAddress(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		a, b := r.nodes[0], r.nodes[1]
		b.Handle("echo", echo)
		node, got, err := a.CallAddress(t.Context(), b.addr.String(), "echo", []byte("hello"))
		if err != nil || node != "hub-2" || string(got) != "hub-1 hello" {
			t.Errorf("CallAddress = %s, %q, %v", node, got, err)
		}
		if len(b.everyPeer()) != 0 || len(a.everyPeer()) != 0 {
			t.Error("a connection for one call is kept")
		}
		if _, _, err := a.CallAddress(t.Context(), a.addr.String(), "echo", nil); !strings.Contains(err.Error(), "own address") {
			t.Errorf("a node calls itself: %v", err)
		}
	})
}

func TestCallsEndInTime(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		a, b := r.nodes[0], r.nodes[1]
		gone := make(chan struct{})
		b.Handle("slow", func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
			<-ctx.Done()
			close(gone)
			return nil, ctx.Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := a.Call(ctx, "hub-2", "slow", nil); fault.CodeOf(err) != fault.Timeout || time.Since(began) > 2*time.Second {
			t.Errorf("Call = %v after %v", err, time.Since(began))
		}
		<-gone // the handler is told
		r.isolate(b, true)
		began = time.Now()
		if _, err := a.Call(t.Context(), "hub-2", "slow", nil); fault.CodeOf(err) != fault.Unavailable || time.Since(began) > 2*time.Second {
			t.Errorf("Call = %v after %v", err, time.Since(began))
		}
	})
}

func TestCallsAreBounded(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		a, b := r.nodes[0], r.nodes[1]
		begun, end := make(chan struct{}, maxCalls), make(chan struct{})
		b.Handle("wait", func(context.Context, string, []byte) ([]byte, error) {
			begun <- struct{}{}
			<-end
			return nil, nil
		})
		results := make(chan error, maxCalls)
		for range maxCalls {
			go func() {
				_, err := a.Call(t.Context(), "hub-2", "wait", nil)
				results <- err
			}()
		}
		for range maxCalls {
			<-begun
		}
		if _, err := a.Call(t.Context(), "hub-2", "wait", nil); fault.CodeOf(err) != fault.Busy {
			t.Errorf("one too many: %v", err)
		}
		close(end)
		for range maxCalls {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
	})
}
