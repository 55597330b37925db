package session_test

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/edge/internal/fakeconn"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

func TestFramesThatEndASession(t *testing.T) {
	encode := func(kind frame.Type, body []byte) []byte {
		return append(frame.AppendHeader(nil, kind, len(body)), body...)
	}
	for _, test := range []struct {
		name     string
		welcomed bool
		bytes    []byte
		code     string
	}{
		{"no HELLO", false, encode(frame.Ping, nil), "frame_unexpected"},
		{"unknown instead of HELLO", false, encode(0x3e, nil), "frame_unknown"},
		{"HELLO that is no message", false, encode(frame.Hello, []byte{0xff}), "frame_malformed"},
		{"HELLO without token", false, encode(frame.Hello, nil), "unauthenticated"},
		{"HELLO with noise", false, encode(frame.Hello, []byte{0x0a, 3, 'a', '.', 'b'}), "unauthenticated"},
		{"HELLO too long", false, frame.AppendHeader(nil, frame.Hello, 17<<10), "frame_too_large"},
		{"noise", false, []byte{0x7f, 0xff, 0}, "frame_malformed"},
		{"HELLO twice", true, encode(frame.Hello, nil), "frame_unexpected"},
		{"wrong side", true, encode(frame.Batch, nil), "frame_unexpected"},
		{"unknown", true, encode(0x3f, nil), "frame_unknown"},
		{"no message", true, encode(frame.Subscribe, []byte{0xff}), "frame_malformed"},
		{"too long", true, frame.AppendHeader(nil, frame.Publish, 257<<10), "frame_too_large"},
		{"padding", true, encode(frame.Ping, make([]byte, 2000)), "protocol_violation"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				c := r.connect()
				if test.welcomed {
					c = r.welcome(nil)
				}
				c.SendBytes(test.bytes)
				c.goodbye(test.code)
			})
		})
	}
}

func TestServerThatStopsSaysGoodbye(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithCancelCause(context.Background())
		c := &client{Conn: fakeconn.New(), t: t, done: make(chan struct{})}
		r.clients.Go(func() {
			defer close(c.done)
			r.host.Serve(ctx, c.Conn)
		})
		c.Send(frame.Hello, &weirpb.Hello{Token: r.mint(nil)})
		c.expect(frame.Welcome, &weirpb.Welcome{})
		cancel(fault.New(fault.Draining, "stopping"))
		if f := c.goodbye("draining"); f.GetRetryAfterMs() < 500 || f.GetRetryAfterMs() > 1000 {
			t.Errorf("told to wait %d ms, want 0.5 to 1 s", f.GetRetryAfterMs())
		}
	})
}

func TestClientThatLeavesIsNoFault(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		c.Leave()
		<-c.done
		if frames := c.Control(); len(frames) != 0 {
			t.Errorf("got %s after leaving", show(frames))
		}
		if n := testutil.ToFloat64(r.metrics.SessionsEnded.WithLabelValues("closed")); n != 1 {
			t.Errorf("%v sessions counted as closed by the client, want 1", n)
		}
		early := r.connect()
		early.Leave()
		<-early.done
	})
}

// FuzzFrames sends any bytes behind a HELLO: the session must end, with GOODBYE unless the client left in good order, and
// leave nothing behind.
func FuzzFrames(f *testing.F) {
	add := func(kind frame.Type, m *weirpb.Subscribe) {
		b, err := frame.Append(nil, kind, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	add(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: "log:a", Filters: []*weirpb.FilterRef{{Name: "range"}}})
	add(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: "state:a", Start: weirpb.Start_START_CURSOR, Cursor: &weirpb.Cursor{Epoch: 1}})
	f.Add([]byte{0x20, 0, 0x21, 0, 0x04, 2, 8, 1, 0x03, 4, 8, 1, 16, 1, 0x05, 2, 8, 1, 0x06, 0})
	f.Add([]byte{0x37, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			defer r.close()
			c := &client{Conn: fakeconn.New(), t: t, done: make(chan struct{})}
			go func() {
				defer close(c.done)
				r.host.Serve(context.Background(), c.Conn)
			}()
			c.Send(frame.Hello, &weirpb.Hello{Token: r.mint(nil)})
			for chunk := range bytes.SplitSeq(data, []byte{0x37}) {
				c.SendBytes(chunk)
				c.SendBytes([]byte{0x37})
			}
			c.Leave()
			<-c.done
			for i, got := range c.Control() {
				if i == 0 && got.Type != frame.Welcome {
					t.Errorf("first came %s", got.Type)
				}
			}
		})
	})
}
