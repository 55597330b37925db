package edgeclient

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"weir/proto/fault"
	"weir/proto/frame"
)

// goodbyeTime bounds how long the end of a WebSocket waits for the edge's answer.
const goodbyeTime = time.Second

type webSocketLink struct {
	socket *websocket.Conn
	raw    net.Conn
	client *http.Client
	ctx    context.Context // of reading and writing
	cancel context.CancelFunc

	closing sync.Once
}

func dialWebSocket(ctx context.Context, url string, config *tls.Config) (link, error) {
	var raw net.Conn // there is one, as nothing is redirected
	client := &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: config.Clone(),
			DialContext: func(ctx context.Context, network, address string) (_ net.Conn, err error) {
				raw, err = new(net.Dialer).DialContext(ctx, network, address)
				return raw, err
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	socket, response, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient: client, Subprotocols: []string{subprotocol}, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		client.CloseIdleConnections()
		return nil, fmt.Errorf("open a WebSocket: %w", refused(response, err))
	}
	socket.SetReadLimit(-1) // messages are read piece by piece, and frames have a limit of their own
	l := &webSocketLink{socket: socket, raw: raw, client: client}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	if socket.Subprotocol() != subprotocol {
		l.close()
		return nil, fault.New(fault.VersionMismatch, "the server does not speak %q", subprotocol).
			WithHint("is the URL an edge's? Otherwise client and edge are too far apart in age")
	}
	return l, nil
}

func (l *webSocketLink) transport() string { return WebSocket }

func (l *webSocketLink) write(frames []byte) error {
	return l.socket.Write(l.ctx, websocket.MessageBinary, frames)
}

func (l *webSocketLink) read(handle func(frame.Type, []byte) error, end func(error)) {
	end(l.readMessages(handle))
}

func (l *webSocketLink) readMessages(handle func(frame.Type, []byte) error) error {
	for {
		kind, message, err := l.socket.Reader(l.ctx)
		if err != nil {
			return err
		}
		if kind != websocket.MessageBinary {
			return fmt.Errorf("%w: a text message", frame.ErrMalformed)
		}
		if err := readMessage(message, handle); err != nil {
			return err
		}
	}
}

// readMessage calls handle with each frame of a message, of which there is at least one.
func readMessage(message io.Reader, handle func(frame.Type, []byte) error) error {
	reader := frame.NewReader(bufio.NewReaderSize(message, readBuffer), frame.MaxFromServer)
	for frames := 0; ; frames++ {
		t, body, err := reader.Next()
		switch {
		case err == nil:
		case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF) && frames == 0:
			return fmt.Errorf("%w: a message ends within it", frame.ErrMalformed)
		case errors.Is(err, io.EOF):
			return nil
		default:
			return err
		}
		if err := handle(t, body); err != nil {
			return err
		}
	}
}

func (l *webSocketLink) close() {
	l.closing.Do(func() {
		cut := time.AfterFunc(goodbyeTime, func() { l.raw.Close() })
		defer cut.Stop()
		l.socket.Close(websocket.StatusNormalClosure, "")
		l.cancel()
		l.client.CloseIdleConnections()
	})
}
