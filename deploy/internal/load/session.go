// Package load drives many WebTransport sessions from one process, with as little work of its own as will do: what it
// measures is the server.
package load

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"
	"google.golang.org/protobuf/proto"

	"weir/proto/frame"
	"weir/proto/weirpb"
)

// A Dialer opens sessions over one UDP socket.
type Dialer struct {
	socket    net.PacketConn
	transport *quic.Transport
}

// NewDialer returns a Dialer on a socket of its own.
func NewDialer() (*Dialer, error) {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &Dialer{socket: socket, transport: &quic.Transport{Conn: socket}}, nil
}

// Close ends all sessions.
func (d *Dialer) Close() error { return errors.Join(d.transport.Close(), d.socket.Close()) }

// Dial opens a WebTransport session. The server is one that the benchmark started on this machine, so its certificate is
// not looked at.
func (d *Dialer) Dial(ctx context.Context, addr string) (*webtransport.Session, error) {
	client := &webtransport.Transport{
		TLSClientConfig:      &tls.Config{InsecureSkipVerify: true},
		QUICConfig:           &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true, DisablePathMTUDiscovery: true},
		ApplicationProtocols: []string{"weir.1"},
		DialAddr: func(ctx context.Context, addr string, tlsConf *tls.Config, conf *quic.Config) (*quic.Conn, error) {
			remote, err := net.ResolveUDPAddr("udp", addr)
			if err != nil {
				return nil, err
			}
			return d.transport.DialEarly(ctx, remote, tlsConf, conf)
		},
	}
	_, session, err := client.Dial(ctx, "https://"+addr+"/weir", nil)
	return session, err
}

// A Session is one client of weir, at the level of frames.
type Session struct {
	session *webtransport.Session
	control *webtransport.Stream
	replies *frame.Reader
}

// Open dials weir and says hello.
func (d *Dialer) Open(ctx context.Context, addr, token string) (*Session, error) {
	s, err := d.OpenSilent(ctx, addr)
	if err != nil {
		return nil, err
	}
	return s, s.Hello(token)
}

// OpenSilent dials weir and says nothing.
func (d *Dialer) OpenSilent(ctx context.Context, addr string) (*Session, error) {
	session, err := d.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	control, err := session.OpenStreamSync(ctx)
	if err != nil {
		return nil, err
	}
	s := &Session{session: session, control: control}
	s.replies = frame.NewReader(bufio.NewReaderSize(control, 512), frame.MaxFromServer)
	return s, nil
}

// Hello sends HELLO and waits for WELCOME.
func (s *Session) Hello(token string) error {
	if err := s.Send(frame.Hello, &weirpb.Hello{Token: token, Agent: "weir-load"}); err != nil {
		return err
	}
	t, body, err := s.replies.Next()
	if err != nil {
		return fmt.Errorf("read WELCOME: %w", err)
	}
	if t != frame.Welcome {
		return fmt.Errorf("%s instead of WELCOME: %q", t, body)
	}
	return nil
}

// Write writes bytes to the control stream, frames or not.
func (s *Session) Write(b []byte) error {
	_, err := s.control.Write(b)
	return err
}

// Send writes one frame.
func (s *Session) Send(t frame.Type, m proto.Message) error {
	b, err := frame.Append(nil, t, m)
	if err != nil {
		return err
	}
	return s.Write(b)
}

// Reply reads the next frame of the control stream; pings are answered on the way.
func (s *Session) Reply() (frame.Type, []byte, error) {
	for {
		t, body, err := s.replies.Next()
		if err != nil || t != frame.Ping {
			return t, body, err
		}
		var ping weirpb.Ping
		if err := frame.Decode(body, &ping); err != nil {
			return t, nil, err
		}
		if err := s.Send(frame.Pong, &weirpb.Pong{Nonce: ping.Nonce}); err != nil {
			return t, nil, err
		}
	}
}

// Batches opens the stream on which the server sends BATCH frames.
func (s *Session) Batches(ctx context.Context) (*frame.Reader, error) {
	stream, err := s.session.AcceptUniStream(ctx)
	if err != nil {
		return nil, err
	}
	return frame.NewReader(bufio.NewReaderSize(stream, 4<<10), frame.MaxFromServer), nil
}

// Close ends the session.
func (s *Session) Close() error { return s.session.CloseWithError(0, "") }

// Drain answers pings until the session ends.
func (s *Session) Drain() {
	for {
		if _, _, err := s.Reply(); err != nil {
			return
		}
	}
}

// discard reads a stream to its end and counts the bytes.
func discard(r io.Reader, count func(int)) error {
	buf := make([]byte, 4<<10)
	for {
		n, err := r.Read(buf)
		count(n)
		if err != nil {
			return err
		}
	}
}
