package edgeclient

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// states collects what a client tells of its state.
type states struct {
	mu  sync.Mutex
	all []Status
}

func (s *states) add(status Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, status)
}

func (s *states) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, status := range s.all {
		names = append(names, status.State.String())
	}
	return names
}

func (s *states) last() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[len(s.all)-1]
}

func TestHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		server.client(Config{Token: "secret", Agent: "test/1"})
		_, hello := server.welcome()
		equal(t, &weirpb.Hello{Token: "secret", Agent: "test/1"}, hello)
	})
}

func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen states
		server := newFakeServer(t)
		c := server.client(Config{OnState: seen.add})
		p, _ := server.welcome()
		if err := c.Ready(context.Background()); err != nil {
			t.Fatal(err)
		}
		if status := c.Status(); status.Transport != WebTransport || status.Session != "s" {
			t.Errorf("status %+v", status)
		}
		p.close()
		synctest.Wait()
		if status := seen.last(); status.State != Reconnecting || status.Err == nil || status.RetryIn > firstBackoff {
			t.Errorf("status %+v", status)
		}
		server.welcome()
		synctest.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		equal(t, []string{"connecting", "connected", "reconnecting", "connected", "closed"}, seen.names())
		if status := seen.last(); status.Err != nil {
			t.Errorf("closed because of %v", status.Err)
		}
		if err := c.Ready(context.Background()); !errors.Is(err, ErrClosed) {
			t.Errorf("Ready after Close: %v", err)
		}
	})
}

func TestGoodbyes(t *testing.T) {
	tests := map[string]struct {
		fault    *weirpb.Fault
		comeBack bool
		within   [2]time.Duration
	}{
		"no fault": {nil, true, [2]time.Duration{0, firstBackoff}},
		"draining": {
			fault.New(fault.Draining, "").WithRetryAfter(4 * time.Second).ToProto(), true,
			[2]time.Duration{4 * time.Second, 6*time.Second + 1},
		},
		"newer code":    {&weirpb.Fault{Code: "made_up", Retryable: true}, true, [2]time.Duration{0, firstBackoff}},
		"token expired": {fault.New(fault.TokenExpired, "").ToProto(), false, [2]time.Duration{}},
		"violation":     {fault.New(fault.ProtocolViolation, "").ToProto(), false, [2]time.Duration{}},
		"newer verdict": {&weirpb.Fault{Code: "made_up"}, false, [2]time.Duration{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newFakeServer(t)
				c := server.client(Config{})
				p, _ := server.welcome()
				sub := subscribe(p, c, "chat", logKind, SubscribeOptions{})
				began := time.Now()
				p.send(frame.Goodbye, &weirpb.Goodbye{Fault: test.fault})
				p.closedByClient()
				if test.comeBack {
					server.welcome()
					if waited := time.Since(began); waited < test.within[0] || waited > test.within[1] {
						t.Errorf("came back after %s", waited)
					}
					return
				}
				_, err := sub.Next(context.Background())
				if !errors.Is(err, ErrClosed) || fault.CodeOf(err) != fault.Code(test.fault.GetCode()) {
					t.Errorf("the subscription ended with %v", err)
				}
				if state := c.Status().State; state != Closed {
					t.Errorf("client is %s", state)
				}
			})
		})
	}
}

// A session that stood is followed by another one at once.
func TestComesBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		server.client(Config{})
		p, _ := server.welcome()
		for range 11 {
			time.Sleep(time.Second)
			p.send(frame.Pong, &weirpb.Pong{})
		}
		synctest.Wait()
		began := time.Now()
		p.close()
		server.welcome()
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %s", waited)
		}
	})
}

func TestServerThatBreaksTheProtocol(t *testing.T) {
	welcome, err := frame.Append(nil, frame.Welcome, &weirpb.Welcome{Producer: "a"})
	if err != nil {
		t.Fatal(err)
	}
	before := map[string][]byte{
		"SUBSCRIBED before WELCOME": {byte(frame.Subscribed), 0},
		"WELCOME without producer":  {byte(frame.Welcome), 0},
	}
	after := map[string][]byte{
		"a second WELCOME":       welcome,
		"a client's frame":       {byte(frame.Publish), 0},
		"an unknown frame":       {0x3f, 0},
		"noise":                  {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0},
		"a body that is none":    {byte(frame.Published), 2, 0xff, 0xff},
		"an answer to nothing":   {byte(frame.Published), 4, 0x08, 0x07, 0x12, 0x00},
		"PUBLISHED without more": {byte(frame.Published), 0},
		"ERROR without fault":    {byte(frame.Error), 0},
		"too long a frame":       append([]byte{byte(frame.Error)}, 0x80, 0x20, 0x00, 0x00),
	}
	run := func(t *testing.T, encoded []byte, established bool) {
		synctest.Test(t, func(t *testing.T) {
			server := newFakeServer(t)
			c := server.client(Config{})
			p := server.accept()
			expect(p, frame.Hello, new(weirpb.Hello))
			if established {
				p.control <- welcome
			}
			p.control <- encoded
			p.closedByClient()
			synctest.Wait()
			if c.Status().Err == nil {
				t.Error("nobody is told why")
			}
			server.welcome() // it comes back
		})
	}
	for name, encoded := range before {
		t.Run(name, func(t *testing.T) { run(t, encoded, false) })
	}
	for name, encoded := range after {
		t.Run(name, func(t *testing.T) { run(t, encoded, true) })
	}
}

func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		server.client(Config{})
		p := server.accept()
		began := time.Now()
		p.closedByClient()
		if waited := time.Since(began); waited != welcomeTimeout {
			t.Errorf("gave up on WELCOME after %s", waited)
		}

		p, _ = server.welcome()
		began = time.Now()
		ping := new(weirpb.Ping)
		nextPing(t, p, ping)
		if waited := time.Since(began); waited != 10*time.Second || len(ping.GetPadding()) < 32 {
			t.Errorf("pinged after %s with %d bytes of padding", waited, len(ping.GetPadding()))
		}
		p.send(frame.Pong, &weirpb.Pong{Nonce: ping.GetNonce()})
		nextPing(t, p, ping)
		p.closedByClient()
		if waited := time.Since(began); waited != 25*time.Second {
			t.Errorf("gave up after %s, want 25 s: a ping that is answered, one that is not", waited)
		}
	})
}

func nextPing(t *testing.T, p *peer, m *weirpb.Ping) {
	t.Helper()
	f := <-p.sent
	if f.t != frame.Ping {
		t.Fatalf("the client sent %s", f.t)
	}
	if err := frame.Decode(f.body, m); err != nil {
		t.Fatal(err)
	}
}

func TestAnswersPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		server.client(Config{})
		p, _ := server.welcome()
		p.send(frame.Ping, &weirpb.Ping{Nonce: 77})
		f := <-p.sent
		m := new(weirpb.Pong)
		if err := frame.Decode(f.body, m); err != nil || f.t != frame.Pong || m.GetNonce() != 77 {
			t.Errorf("answered %s %v, %v", f.t, m, err)
		}
	})
}

// tokens is a source of tokens that counts.
type tokens struct {
	mu    sync.Mutex
	count int
	fail  map[int]error
}

func (s *tokens) next(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	return string(rune('0' + s.count)), s.fail[s.count]
}

func TestTokenIsRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &tokens{fail: map[int]error{3: errors.New("the backend is away")}}
		server := newFakeServer(t)
		server.client(Config{TokenSource: source.next})
		p, hello := server.welcomeAs("", time.Hour)
		if hello.GetToken() != "1" {
			t.Errorf("token %q", hello.GetToken())
		}
		began := time.Now()
		alive(t, p)
		if m := expect(p, frame.Refresh, new(weirpb.Refresh)); m.GetToken() != "2" {
			t.Errorf("token %q", m.GetToken())
		}
		if after := time.Since(began); after != 54*time.Minute {
			t.Errorf("refreshed after %s, want 54 min", after)
		}
		p.send(frame.Refreshed, &weirpb.Refreshed{TokenExpiresMs: time.Now().Add(100 * time.Second).UnixMilli()})
		began = time.Now()
		// The third is not to be had; of the rest, a quarter later.
		if m := expect(p, frame.Refresh, new(weirpb.Refresh)); m.GetToken() != "4" {
			t.Errorf("token %q", m.GetToken())
		}
		if after := time.Since(began); after != 70*time.Second+7500*time.Millisecond {
			t.Errorf("refreshed after %s, want 77.5 s", after)
		}
		p.send(frame.Refreshed, &weirpb.Refreshed{Fault: fault.New(fault.TokenInvalid, "no").ToProto()})
		if m := expect(p, frame.Refresh, new(weirpb.Refresh)); m.GetToken() != "5" {
			t.Errorf("token %q", m.GetToken())
		}
	})
}

// alive answers pings in the background.
func alive(t *testing.T, p *peer) {
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	go func() {
		for {
			select {
			case <-time.After(5 * time.Second):
				p.control <- []byte{byte(frame.Pong), 0}
			case <-stop:
				return
			}
		}
	}()
}

func TestRefusedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := new(tokens)
		server := newFakeServer(t)
		c := server.client(Config{TokenSource: source.next})
		var got []string
		for range maxTokenRefusals {
			p := server.accept()
			got = append(got, expect(p, frame.Hello, new(weirpb.Hello)).GetToken())
			p.send(frame.Goodbye, &weirpb.Goodbye{Fault: fault.New(fault.TokenExpired, "old").ToProto()})
		}
		err := c.Ready(context.Background())
		if !errors.Is(err, ErrClosed) || fault.CodeOf(err) != fault.TokenExpired || !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Errorf("tokens %v, then %v", got, err)
		}
	})
}

func TestTokenSourceThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("the backend is away")
		source := &tokens{fail: map[int]error{1: away, 2: away}}
		server := newFakeServer(t)
		c := server.client(Config{TokenSource: source.next})
		synctest.Wait()
		if err := c.Status().Err; !errors.Is(err, away) {
			t.Errorf("status says %v", err)
		}
		if _, hello := server.welcome(); hello.GetToken() != "3" {
			t.Errorf("token %q", hello.GetToken())
		}
	})
}

func TestReadySaysWhyNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unreachable := errors.New("no route to host")
		server := newFakeServer(t)
		server.fail = func(string) error { return unreachable }
		c := server.client(Config{})
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := c.Ready(ctx); !errors.Is(err, unreachable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcome()
		synctest.Wait()
		c.Interrupt()
		p.closedByClient()
		server.welcome()
	})
}

// Whatever a server sends, the client neither panics nor hangs.
func FuzzServer(f *testing.F) {
	f.Add([]byte{byte(frame.Batch), 2, 0x08, 0x01})
	f.Add([]byte{byte(frame.Welcome), 3, 0x12, 0x01, 'a', byte(frame.Ping), 0, byte(frame.Goodbye), 0})
	f.Add([]byte{byte(frame.Subscribed), 2, 0x08, 0x01, byte(frame.Unsubscribed), 2, 0x08, 0x01})
	f.Add([]byte{byte(frame.Error), 4, 0x0a, 0x00, 0x10, 0x01, byte(frame.Refreshed), 0, byte(frame.Published), 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		synctest.Test(t, func(t *testing.T) {
			server := newFakeServer(t)
			c := server.client(Config{})
			p, _ := server.welcome()
			sub := subscribe(p, c, "planes", stateKind, SubscribeOptions{Filters: []Filter{{Name: "a"}}})
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			go sub.SetParams(ctx, []byte("{}"))
			go c.Publish(ctx, Publication{Channel: "chat"})
			go func() {
				for {
					if _, err := sub.Next(ctx); err != nil {
						return
					}
				}
			}()
			for len(stream) > 0 {
				n := min(len(stream), 1+int(stream[0])%16)
				select {
				case p.control <- stream[:n]:
				case <-p.closed:
				}
				stream = stream[n:]
			}
			time.Sleep(2 * time.Second)
		})
	})
}
