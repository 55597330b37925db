package ca

import (
	"crypto/tls"
	"time"
)

// Server returns how this identity takes connections of peers of these roles for a protocol (ALPN, RFC 7301). Each
// handshake uses what the files hold by then. Refused peers are logged: they themselves are told no more than that.
func (i *Identity) Server(protocol string, roles ...Role) *tls.Config {
	want := wanted{roles: roles}
	config := func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		m := i.current.Load()
		return &tls.Config{
			Certificates: []tls.Certificate{m.certificate},
			ClientAuth:   tls.RequireAnyClientCert, // which VerifyConnection looks at
			NextProtos:   []string{protocol},
			MinVersion:   tls.VersionTLS13,
			VerifyConnection: func(state tls.ConnectionState) error {
				_, err := verify(state.PeerCertificates, m.authorities, want, time.Now())
				if err != nil {
					i.refused.WithLabelValues(reasonOf(err)).Inc()
					i.cfg.Logger.Warn("a peer is refused", "peer", hello.Conn.RemoteAddr().String(), "protocol", protocol, "reason", err)
				}
				return err
			},
			SessionTicketsDisabled: true, // a resumed session would outlive the certificate that it was opened with
		}, nil
	}
	return &tls.Config{GetConfigForClient: config, NextProtos: []string{protocol}, MinVersion: tls.VersionTLS13}
}

// Client returns how this identity connects to a peer of want's role for a protocol, and to no other than want.Node if
// that is not empty. It may be used again and again: each handshake uses what the files hold by then.
func (i *Identity) Client(protocol string, want Name) *tls.Config {
	return &tls.Config{
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &i.current.Load().certificate, nil
		},
		NextProtos: []string{protocol},
		MinVersion: tls.VersionTLS13,
		ServerName: want.Role.host(), // shown to the peer; the certificate's URI is what counts
		// Machines move, so certificates don't name them, and authorities change while this is in use: instead of the
		// usual verification there is VerifyConnection.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			_, err := verify(state.PeerCertificates, i.current.Load().authorities, wanted{roles: []Role{want.Role}, node: want.Node}, time.Now())
			if err != nil {
				i.refused.WithLabelValues(reasonOf(err)).Inc()
			}
			return err
		},
	}
}

// PeerName returns who the peer of a connection is that Server or Client has let happen.
func PeerName(state tls.ConnectionState) (Name, error) {
	if len(state.PeerCertificates) == 0 {
		return Name{}, &Error{Message: "the peer has shown no certificate", cause: ErrMissing}
	}
	return NameOf(state.PeerCertificates[0])
}
