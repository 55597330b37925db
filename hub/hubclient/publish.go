package hubclient

import (
	"time"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/linkwire"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// Publish hands over a publication and returns at once; done is called exactly once, maybe before Publish returns, and must
// not block. Publications handed over one after another are ordered so.
//
// If the connection is lost before the answer has come, a publication with a producer is sent again, which the hub
// recognises; one without fails with unavailable, and may have been accepted.
func (c *Client) Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) {
	e := &entry{id: c.ids.Add(1), deadline: time.Now().Add(c.cfg.Timeout), done: done}
	err := e.encode(tenant, p)
	if err == nil {
		err = c.outbox.add(e)
	}
	if err != nil {
		c.fail(e, err)
	}
}

func (e *entry) encode(tenant string, p *weirpb.Publication) error {
	if p == nil {
		return fault.New(fault.InvalidArgument, "the publication is missing")
	}
	m := &linkpb.Publish{Id: e.id, Tenant: tenant, Publication: p}
	if n := proto.Size(m); n > linkwire.MaxPublish {
		return fault.New(fault.PayloadTooLarge, "the publication has %d bytes, at most %d can be carried", n, linkwire.MaxPublish)
	}
	encoded, err := frame.Append(nil, linkwire.Publish, m)
	if err != nil {
		return fault.New(fault.InvalidArgument, "the publication can't be encoded").
			WithHint("names, keys and headers must be UTF-8").WithCause(err)
	}
	e.encoded = encoded
	e.again = p.GetProducer() != "" && p.GetSequence() != 0 && p.GetAck() != weirpb.Ack_ACK_NONE
	return nil
}
