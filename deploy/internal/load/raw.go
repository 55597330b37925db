package load

import (
	"context"

	"github.com/quic-go/webtransport-go"
)

// Follow opens a session with the raw server and counts the bytes that it is sent, until the session ends.
func (d *Dialer) Follow(ctx context.Context, addr string, count func(int)) (*webtransport.Session, error) {
	session, err := d.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	stream, err := session.AcceptUniStream(ctx)
	if err != nil {
		return nil, err
	}
	go func() { _ = discard(stream, count) }() // ends with the session
	return session, nil
}
