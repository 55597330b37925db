package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
)

// quicIdleTimeout is when QUIC gives up on a silent client. Sessions ping in band and give up at the same time; browsers
// do after 30 s too, and shorter ones would end quiet pages, whose timers the browser slows down.
const quicIdleTimeout = 30 * time.Second

// requestTimeout is how long a QUIC connection may be without a request or session.
const requestTimeout = 10 * time.Second

// quicConfig bounds what one client can make the server keep.
func quicConfig() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout: 5 * time.Second,
		MaxIdleTimeout:       quicIdleTimeout,
		// What a client may send ahead of its session's reading. A frame has at most 256 KiB; the largest windows allow
		// one client some 5 MB/s over a round trip of 100 ms.
		InitialStreamReceiveWindow:     64 << 10,
		MaxStreamReceiveWindow:         512 << 10,
		InitialConnectionReceiveWindow: 128 << 10,
		MaxConnectionReceiveWindow:     1 << 20,
		// The CONNECT stream and the control stream, and some ordinary requests. This also bounds the queues in which
		// streams wait that no session has asked for.
		MaxIncomingStreams: 16,
		// HTTP/3's control stream, QPACK's two, and what a client may open to test us (RFC 9114, section 6.2.3).
		MaxIncomingUniStreams: 8,
		// Probing packets cost memory and wake-ups in every idle session, for 12 % more payload in a packet.
		DisablePathMTUDiscovery:          true,
		EnableDatagrams:                  true, // WebTransport needs it, though the protocol sends none
		EnableStreamResetPartialDelivery: true, // likewise
	}
}

func quicTLS(getCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		GetCertificate: getCertificate,
		MinVersion:     tls.VersionTLS13,
		NextProtos:     []string{http3.NextProtoH3},
		// Keys of one kind, and no tickets to resume with: together a tenth of an idle session's memory. A client that
		// comes back needs a fresh look at its token anyway.
		CurvePreferences:       []tls.CurveID{tls.X25519},
		SessionTicketsDisabled: true,
	}
}

// An endpoint is QUIC on one UDP socket.
type endpoint struct {
	transport *quic.Transport
	listener  *quic.EarlyListener
	serving   sync.WaitGroup // counts connections
}

// listenQUIC makes an endpoint of each UDP socket.
func (s *Server) listenQUIC(getCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error), resetKey [32]byte) error {
	s.webtransport = &webtransport.Server{
		H3: &http3.Server{
			Handler:        http.HandlerFunc(s.serveHTTP3),
			MaxHeaderBytes: maxHeader,
			IdleTimeout:    requestTimeout,
			ConnContext: func(ctx context.Context, conn *quic.Conn) context.Context {
				return context.WithValue(ctx, quicConnKey{}, conn)
			},
		},
		ApplicationProtocols: []string{Subprotocol},
		CheckOrigin:          func(*http.Request) bool { return true }, // refusal has
	}
	for _, socket := range s.sockets.udp {
		transport := &quic.Transport{
			Conn:                socket,
			VerifySourceAddress: func(net.Addr) bool { return s.retry() },
			ConnContext:         s.enterQUIC,
		}
		if resetKey != [32]byte{} {
			key := quic.StatelessResetKey(resetKey)
			transport.StatelessResetKey = &key
		}
		listener, err := transport.ListenEarly(quicTLS(getCertificate), quicConfig())
		if err != nil {
			return errors.Join(fmt.Errorf("listen for QUIC on %s: %w", socket.LocalAddr(), err), transport.Close())
		}
		s.endpoints = append(s.endpoints, &endpoint{transport: transport, listener: listener})
	}
	return nil
}

// retry reports whether a client whose address is not known to be its own must show that it is.
func (s *Server) retry() bool {
	if !s.admission.crowded() {
		return false
	}
	s.metrics.retries.Inc()
	return true
}

// enterQUIC gives a connection its place, which it has until it is gone, or refuses it.
func (s *Server) enterQUIC(ctx context.Context, client *quic.ClientInfo) (context.Context, error) {
	ticket, f := s.admission.enter(addrPort(client.RemoteAddr).Addr(), client.AddrVerified)
	if f != nil {
		return nil, f
	}
	context.AfterFunc(ctx, ticket.leave)
	return context.WithValue(ctx, ticketKey{}, ticket), nil
}

// accept serves the endpoint's connections until its listener is closed, and waits for them.
func (e *endpoint) accept(server *webtransport.Server) error {
	for {
		// The listener's queue is short and refuses what does not fit, so nothing may happen here but accepting.
		conn, err := e.listener.Accept(context.Background())
		if err != nil {
			return err
		}
		e.serving.Go(func() { server.ServeQUICConn(conn) }) // fails only for connections that are gone
	}
}

// close takes no more connections and ends those there are.
func (e *endpoint) close() error {
	err := errors.Join(e.listener.Close(), e.transport.Close())
	e.serving.Wait()
	return err
}
