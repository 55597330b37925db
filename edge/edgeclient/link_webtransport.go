package edgeclient

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"weir/proto/fault"
	"weir/proto/frame"
)

// quicIdle is when QUIC gives up on a silent edge. Sessions ping in band and notice before.
const quicIdle = 30 * time.Second

// Bounds on what an edge may open, and the memory that a stream's reader takes.
const (
	maxDataStreams = 4 // an edge uses one
	readBuffer     = 4 << 10
)

type webTransportLink struct {
	dialer  *webtransport.Transport
	session *webtransport.Session
	control *webtransport.Stream
	closing sync.Once
}

func dialWebTransport(ctx context.Context, url string, config *tls.Config) (link, error) {
	config = config.Clone()
	config.NextProtos = []string{http3.NextProtoH3}
	config.MinVersion = tls.VersionTLS13
	config.CurvePreferences = []tls.CurveID{tls.X25519} // what edges prefer, for the memory of their idle sessions
	dialer := &webtransport.Transport{
		TLSClientConfig: config,
		QUICConfig: &quic.Config{
			MaxIdleTimeout:                   quicIdle,
			MaxIncomingStreams:               -1,
			MaxIncomingUniStreams:            maxDataStreams + 4, // with HTTP/3's control stream and QPACK's two
			EnableDatagrams:                  true,
			EnableStreamResetPartialDelivery: true,
			DisablePathMTUDiscovery:          true,
		},
		ApplicationProtocols: []string{subprotocol},
	}
	response, session, err := dialer.Dial(ctx, url, nil)
	if err != nil {
		dialer.Close()
		return nil, fmt.Errorf("open a WebTransport session: %w", refused(response, err))
	}
	l := &webTransportLink{dialer: dialer, session: session}
	if chosen := session.SessionState().ApplicationProtocol; chosen != subprotocol {
		l.close()
		return nil, fault.New(fault.VersionMismatch, "the server does not speak %q", subprotocol).
			WithHint("is the URL an edge's? Otherwise client and edge are too far apart in age")
	}
	if l.control, err = session.OpenStream(); err != nil {
		l.close()
		return nil, fmt.Errorf("open the control stream: %w", err)
	}
	return l, nil
}

func (l *webTransportLink) transport() string { return WebTransport }

func (l *webTransportLink) write(frames []byte) error {
	_, err := l.control.Write(frames)
	return err
}

func (l *webTransportLink) read(handle func(frame.Type, []byte) error, end func(error)) {
	var streams sync.WaitGroup
	run := func(read func() error) { streams.Go(func() { end(read()) }) }
	run(func() error {
		return readFrames(l.control, func(t frame.Type, body []byte) error {
			if t == frame.Batch {
				return fault.New(fault.ProtocolViolation, "the server sent a batch on the control stream")
			}
			return handle(t, body)
		})
	})
	run(func() error {
		for opened := 0; ; opened++ {
			stream, err := l.session.AcceptUniStream(context.Background()) // until close
			if err != nil {
				return err
			}
			if opened == maxDataStreams {
				return fault.New(fault.ProtocolViolation, "the server opened more than %d streams", maxDataStreams)
			}
			run(func() error { return readData(stream, handle) })
		}
	})
	streams.Wait()
}

func readData(stream io.Reader, handle func(frame.Type, []byte) error) error {
	return readFrames(stream, func(t frame.Type, body []byte) error {
		if t != frame.Batch {
			return fault.New(fault.ProtocolViolation, "the server sent %s on a stream for batches", t)
		}
		return handle(t, body)
	})
}

// readFrames calls handle with each frame of a stream. A stream that ends is an error: sessions end with GOODBYE.
func readFrames(stream io.Reader, handle func(frame.Type, []byte) error) error {
	reader := frame.NewReader(bufio.NewReaderSize(stream, readBuffer), frame.MaxFromServer)
	for {
		t, body, err := reader.Next()
		if err != nil {
			return streamEnd(err)
		}
		if err := handle(t, body); err != nil {
			return err
		}
	}
}

var errStreamEnded = errors.New("the server ended the session without a goodbye")

func streamEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return errStreamEnded
	}
	return err
}

func (l *webTransportLink) close() {
	l.closing.Do(func() {
		l.session.CloseWithError(0, "")
		l.dialer.Close()
	})
}
