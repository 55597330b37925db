package link

import (
	"context"
	"fmt"

	"github.com/quic-go/quic-go"

	"weir/hub/ca"
	"weir/hub/internal/linkwire"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/linkpb"
)

// isHub reports whether the peer's certificate is a hub's.
func (e *edge) isHub() bool {
	name, err := ca.PeerName(e.conn.ConnectionState().TLS)
	return err == nil && name.Role == ca.Hub
}

// longest returns how long the first frame of a stream may be, in bytes: a hub may have a module to pass on.
func (e *edge) longest() int {
	if e.isHub() {
		return linkwire.MaxCall
	}
	return linkwire.MaxRequest
}

// serveCall answers a call that another hub passes on. It is answered here or refused: nothing is passed on twice, so that
// two hubs that take each other for the leader can't send a call round and round.
func (e *edge) serveCall(ctx context.Context, stream *quic.Stream, body []byte) error {
	if !e.isHub() {
		return fmt.Errorf("%w: CALL from who is no hub", linkwire.ErrUnexpected)
	}
	call := &linkpb.Call{}
	if err := frame.Decode(body, call); err != nil {
		return fmt.Errorf("CALL: %w", err)
	}
	return e.answer(ctx, stream, linkwire.Name(linkwire.Call), func(send sender) error {
		if e.server.cfg.Call == nil {
			return fault.New(fault.Unavailable, "this hub takes no calls of others")
		}
		response, err := e.server.cfg.Call(ctx, call.GetProcedure(), call.GetRequest())
		if err != nil {
			return err
		}
		return send(linkwire.Result, &linkpb.Result{Response: response}, linkwire.MaxResult)
	})
}
