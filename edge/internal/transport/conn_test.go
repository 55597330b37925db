package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/quic-go/webtransport-go"

	"weir/proto/fault"
	"weir/proto/frame"
)

func TestFramesBothWays(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testing.T, *running) *peer) {
		p := dial(t, start(t, Config{}, echo))
		for _, body := range []string{"", "hello", strings.Repeat("x", frame.MaxFromClient)} {
			p.send(frame.Publish, body)
			p.expect(frame.Publish, body)
		}
	})
}

func TestConnDescribesItself(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testing.T, *running) *peer) {
		type description struct {
			transport, origin, host string
			port                    bool
		}
		got := make(chan description, 1)
		dial(t, start(t, Config{}, func(_ context.Context, c Conn) {
			got <- description{c.Transport(), c.Origin(), c.RemoteAddr().Addr().String(), c.RemoteAddr().Port() > 0}
		})).send(frame.Hello, "")
		want := description{transport: strings.ToLower(t.Name()[strings.Index(t.Name(), "/")+1:]), host: "127.0.0.1", port: true}
		if d := receive(t, got); d != want {
			t.Errorf("got %+v, want %+v", d, want)
		}
	})
}

func TestReadLimit(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testing.T, *running) *peer) {
		errs := make(chan error, 1)
		p := dial(t, start(t, Config{}, func(ctx context.Context, c Conn) {
			_, _, err := c.ReadFrame(ctx)
			if err != nil {
				t.Errorf("a frame at the limit: %v", err)
			}
			_, _, err = c.ReadFrame(ctx)
			errs <- err
		}))
		p.send(frame.Hello, strings.Repeat("x", frame.MaxHello))
		p.write(frame.AppendHeader(nil, frame.Hello, frame.MaxHello+1))
		if err := receive(t, errs); !errors.Is(err, frame.ErrTooLarge) {
			t.Errorf("error %v, want %v", err, frame.ErrTooLarge)
		}
	})
}

func TestDataHasItsOwnStreamOverWebTransport(t *testing.T) {
	release := make(chan struct{})
	r := start(t, Config{}, func(ctx context.Context, c Conn) {
		if _, _, err := c.ReadFrame(ctx); err != nil {
			return
		}
		if err := c.WriteData(encoded(frame.Batch, "one")); err != nil {
			t.Error(err)
		}
		if err := c.WriteControl(encoded(frame.Pong, "two")); err != nil {
			t.Error(err)
		}
		if err := c.WriteData(encoded(frame.Batch, "three")); err != nil {
			t.Error(err)
		}
		<-release
	})
	defer close(release)
	p := dialWebTransport(t, r)
	p.send(frame.Hello, "")
	p.expect(frame.Pong, "two")
	stream, err := p.session.AcceptUniStream(dialContext(t))
	if err != nil {
		t.Fatal(err)
	}
	p.frames = frame.NewReader(byteReader{stream}, frame.MaxFromServer).Next
	p.expect(frame.Batch, "one")
	p.expect(frame.Batch, "three")
}

func TestDataSharesAWebSocket(t *testing.T) {
	p := dialWebSocket(t, start(t, Config{}, func(_ context.Context, c Conn) {
		c.WriteData(append(encoded(frame.Batch, "one"), encoded(frame.Batch, "two")...))
		c.WriteControl(encoded(frame.Pong, "three"))
	}))
	p.expect(frame.Batch, "one")
	p.expect(frame.Batch, "two")
	p.expect(frame.Pong, "three")
}

func TestClientLeaves(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testing.T, *running) *peer) {
		outcomes := make(chan outcome, 1)
		p := dial(t, start(t, Config{}, readOn(outcomes)))
		p.send(frame.Hello, "")
		p.expect(frame.Welcome, "")
		p.close()
		if o := receive(t, outcomes); !errors.Is(o.err, io.EOF) || o.cause == nil {
			t.Errorf("ReadFrame: %v, cause %v, want %v and a cause", o.err, o.cause, io.EOF)
		}
	})
}

func TestServerCloses(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testing.T, *running) *peer) {
		errs := make(chan error, 2)
		r := start(t, Config{}, func(ctx context.Context, c Conn) {
			f := fault.New(fault.TokenExpired, "the token has expired")
			if _, _, err := c.ReadFrame(ctx); err != nil {
				t.Error(err)
			}
			c.WriteControl(encoded(frame.Goodbye, "bye"))
			reading := make(chan struct{})
			go func() {
				close(reading)
				_, _, err := c.ReadFrame(ctx)
				errs <- err
			}()
			<-reading
			c.Close(f)
			c.Close(nil)
			errs <- c.WriteControl(encoded(frame.Pong, ""))
		})
		p := dial(t, r)
		p.send(frame.Hello, "")
		p.expect(frame.Goodbye, "bye")
		err := p.ended()
		if p.session == nil {
			if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
				t.Errorf("close status: %v", err)
			}
			contains(t, err, "token_expired: the token has expired")
		} else if !errors.Is(err, io.EOF) {
			t.Errorf("the control stream ends with %v, want %v", err, io.EOF)
		} else {
			_, err := p.session.AcceptStream(dialContext(t))
			gone, ok := errors.AsType[*webtransport.SessionError](err)
			if !ok || !gone.Remote || gone.ErrorCode != 1 || gone.Message != "token_expired: the token has expired" {
				t.Errorf("the session ends with %#v", err)
			}
		}
		for range 2 {
			if err := receive(t, errs); err == nil {
				t.Error("reading or writing goes on after Close")
			}
		}
	})
}

// A client that does not read must not hold up Close.
func TestCloseUnblocksWrites(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testing.T, *running) *peer) {
		type result struct {
			err   error
			after time.Duration
		}
		results := make(chan result, 1)
		r := start(t, Config{}, func(ctx context.Context, c Conn) {
			if _, _, err := c.ReadFrame(ctx); err != nil {
				t.Error(err)
			}
			blocked := make(chan error, 1)
			chunk := make([]byte, 1<<16)
			go func() {
				for {
					if err := c.WriteData(chunk); err != nil {
						blocked <- err
						return
					}
				}
			}()
			began := time.Now()
			c.Close(fault.New(fault.IdleTimeout, "not heard from"))
			results <- result{<-blocked, time.Since(began)}
		})
		p := dial(t, r)
		p.send(frame.Hello, "")
		got := receive(t, results)
		if got.err == nil || got.after > 5*time.Second {
			t.Errorf("writing ended with %v after %s", got.err, got.after)
		}
	})
}

func TestReadFrameObeysItsContext(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testing.T, *running) *peer) {
		enough := errors.New("enough")
		errs := make(chan error, 1)
		p := dial(t, start(t, Config{}, func(ctx context.Context, c Conn) {
			if _, _, err := c.ReadFrame(ctx); err != nil {
				t.Error(err)
			}
			ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Millisecond, enough)
			defer cancel()
			_, _, err := c.ReadFrame(ctx)
			errs <- err
			c.WriteControl(encoded(frame.Goodbye, "still here"))
		}))
		p.send(frame.Hello, "")
		if err := receive(t, errs); !errors.Is(err, enough) {
			t.Errorf("error %v, want %v", err, enough)
		}
		p.expect(frame.Goodbye, "still here")
	})
}

func TestStopLetsSessionsSayGoodbye(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testing.T, *running) *peer) {
		r := start(t, Config{}, func(ctx context.Context, c Conn) {
			if _, _, err := c.ReadFrame(ctx); err != nil {
				t.Error(err)
			}
			c.WriteControl(encoded(frame.Welcome, ""))
			if _, _, err := c.ReadFrame(ctx); !errors.Is(err, errStopped) || !errors.Is(context.Cause(ctx), errStopped) {
				t.Errorf("ReadFrame: %v, cause %v, want %v", err, context.Cause(ctx), errStopped)
			}
			c.WriteControl(encoded(frame.Goodbye, "bye"))
			c.Close(errStopped)
		})
		p := dial(t, r)
		p.send(frame.Hello, "")
		p.expect(frame.Welcome, "")
		stopped := make(chan struct{})
		go func() {
			r.stop()
			close(stopped)
		}()
		p.expect(frame.Goodbye, "bye")
		p.ended()
		receive(t, stopped)
	})
}

func TestStopCutsSessionsThatGoOn(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testing.T, *running) *peer) {
		errs := make(chan error, 1)
		r := start(t, Config{Limits: Limits{StopTimeout: 50 * time.Millisecond}}, func(_ context.Context, c Conn) {
			for {
				_, _, err := c.ReadFrame(context.Background())
				if errors.Is(err, net.ErrClosed) {
					errs <- err
					return
				}
				if err == nil {
					c.WriteControl(encoded(frame.Welcome, ""))
				}
			}
		})
		p := dial(t, r)
		p.send(frame.Hello, "")
		p.expect(frame.Welcome, "")
		r.stop()
		receive(t, errs)
	})
}

func TestPanicEndsOneSession(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testing.T, *running) *peer) {
		r := start(t, Config{}, func(ctx context.Context, c Conn) {
			_, body, err := c.ReadFrame(ctx)
			if err == nil && string(body) == "panic" {
				panic("a bug")
			}
			c.WriteControl(encoded(frame.Pong, ""))
			echo(ctx, c)
		})
		steady := dial(t, r)
		steady.send(frame.Hello, "")
		steady.expect(frame.Pong, "")
		bad := dial(t, r)
		bad.send(frame.Hello, "panic")
		bad.ended()
		steady.send(frame.Ping, "x")
		steady.expect(frame.Ping, "x")
	})
}
