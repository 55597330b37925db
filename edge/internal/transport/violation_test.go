package transport

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/quic-go/webtransport-go"

	"weir/proto/fault"
	"weir/proto/frame"
)

// refusedAs runs what a client does after HELLO, and checks what ReadFrame says of it.
func refusedAs(t *testing.T, dial func(*testing.T, *running) *peer, do func(*peer), want error) {
	t.Helper()
	outcomes := make(chan outcome, 1)
	p := dial(t, start(t, Config{}, readOn(outcomes)))
	p.send(frame.Hello, "")
	p.expect(frame.Welcome, "")
	do(p)
	if o := receive(t, outcomes); !errors.Is(o.err, want) {
		t.Errorf("ReadFrame: %v, want %v", o.err, want)
	}
}

func TestFurtherStreamsAreRefused(t *testing.T) {
	violation := fault.New(fault.ProtocolViolation, "")
	t.Run("bidirectional", func(t *testing.T) {
		refusedAs(t, dialWebTransport, func(p *peer) {
			stream, err := p.session.OpenStream()
			if err != nil {
				t.Fatal(err)
			}
			stream.Write([]byte("x"))
			pingUntilRefused(p)
		}, violation)
	})
	t.Run("unidirectional", func(t *testing.T) {
		refusedAs(t, dialWebTransport, func(p *peer) {
			stream, err := p.session.OpenUniStream()
			if err != nil {
				t.Fatal(err)
			}
			stream.Write([]byte("x"))
			pingUntilRefused(p)
		}, violation)
	})
}

// pingUntilRefused sends frames until the server, which looks for streams with each of them, has seen another one.
func pingUntilRefused(p *peer) {
	for p.write(encoded(frame.Ping, "")) == nil {
		select {
		case <-p.session.Context().Done():
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// A client must not make the server keep streams that nobody wants.
func TestStreamsAreBounded(t *testing.T) {
	release := make(chan struct{})
	r := start(t, Config{}, func(ctx context.Context, c Conn) {
		c.ReadFrame(ctx)
		<-release
	})
	defer close(release)
	p := dialWebTransport(t, r)
	p.send(frame.Hello, "")
	opened := 0
	for {
		stream, err := p.session.OpenStream()
		if err != nil {
			break
		}
		stream.Write([]byte("x"))
		if opened++; opened > 100 {
			t.Fatal("a client may open any number of streams")
		}
	}
	if want := int(quicConfig().MaxIncomingStreams); opened >= want {
		t.Errorf("%d further streams could be opened, want less than %d", opened, want)
	}
}

func TestMessagesThatAreNoFrames(t *testing.T) {
	message := func(kind websocket.MessageType, data []byte) func(*peer) {
		return func(p *peer) {
			if err := p.socket.Write(context.Background(), kind, data); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	for name, do := range map[string]func(*peer){
		"a text message":   message(websocket.MessageText, encoded(frame.Ping, "")),
		"an empty message": message(websocket.MessageBinary, nil),
		"half a header":    message(websocket.MessageBinary, []byte{byte(frame.Ping)}),
		"half a body":      message(websocket.MessageBinary, frame.AppendHeader(nil, frame.Ping, 3)),
		"one and a half":   message(websocket.MessageBinary, append(encoded(frame.Ping, "a"), byte(frame.Ping), 2, 'a')),
		"noise":            message(websocket.MessageBinary, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}),
	} {
		t.Run(name, func(t *testing.T) { refusedAs(t, dialWebSocket, do, frame.ErrMalformed) })
	}
	t.Run("too much", func(t *testing.T) {
		one := string(encoded(frame.Ping, strings.Repeat("x", 1000)))
		refusedAs(t, dialWebSocket, message(websocket.MessageBinary, []byte(strings.Repeat(one, 20))), frame.ErrTooLarge)
	})
}

func TestMessagesOfSeveralFrames(t *testing.T) {
	p := dialWebSocket(t, start(t, Config{}, echo))
	// As much as fits, to the byte: a message may be as long as the longest frame and some slack.
	const count = 256
	var message []byte
	body := strings.Repeat("x", (frame.MaxFromClient+messageSlack)/count-3)
	for range count {
		message = append(message, encoded(frame.Ping, body)...)
	}
	p.send(frame.Hello, "") // raises the limit
	p.expect(frame.Hello, "")
	if len(message) != frame.MaxFromClient+messageSlack {
		t.Fatalf("%d bytes, want %d", len(message), frame.MaxFromClient+messageSlack)
	}
	if err := p.write(message); err != nil {
		t.Fatal(err)
	}
	for range count {
		p.expect(frame.Ping, body)
	}
	p.send(frame.Ping, "and on")
	p.expect(frame.Ping, "and on")
}

// A client that connects and does nothing is not waited for.
func TestHelloTimeout(t *testing.T) {
	r := start(t, Config{Limits: Limits{HelloTimeout: 20 * time.Millisecond}}, func(context.Context, Conn) {
		t.Error("a session without a control stream")
	})
	_, session, err := openWebTransport(t, r, nil, Subprotocol)
	if err != nil {
		t.Fatal(err)
	}
	_, err = session.AcceptStream(dialContext(t))
	if gone, ok := errors.AsType[*webtransport.SessionError](err); !ok || !strings.HasPrefix(gone.Message, "hello_timeout: ") {
		t.Errorf("the session ends with %v", err)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte{byte(frame.Ping), 0, byte(frame.Ping), 1, 'a'}, 3)
	f.Add([]byte{0xff, 0xff}, 1)
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		if size < 1 || size > 64 {
			return
		}
		m := &message{limit: 100}
		reader := frame.NewReader(m, 50)
		for len(stream) > 0 {
			n := min(len(stream), size)
			m.current, m.left, m.full = strings.NewReader(string(stream[:n])), m.limit, false
			stream = stream[n:]
			for {
				_, body, err := reader.Next()
				if err != nil {
					break
				}
				if len(body) > 50 {
					t.Fatalf("a body of %d bytes", len(body))
				}
			}
		}
	})
}
