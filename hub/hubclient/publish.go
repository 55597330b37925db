package hubclient

import (
	"time"

	"weir/hub/internal/linkwire"
	"weir/hub/internal/outbox"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// Publish hands over a publication and returns at once; done is called exactly once, maybe before Publish returns, and must
// not block. p must not be changed until then. Publications handed over one after another are ordered so.
//
// If the leader of the channel's shard changes before the answer has come, a publication with a producer is sent again to
// the next one, which recognises it; one without is sent again if it was certainly not accepted, and else fails with
// unavailable, and may have been accepted: half a second after another node is known to lead, or when the connection is lost.
func (c *Client) Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) {
	item, f := c.item(tenant, p, done)
	if f == nil {
		c.update(func(now time.Time) { f = c.add(now, item) })
	}
	if f != nil {
		c.metrics.published(f)
		done(nil, f)
	}
}

// add puts an item into the outbox. mu is held.
func (c *Client) add(now time.Time, item *outbox.Item) *fault.Fault {
	if c.shut {
		return errClosed
	}
	item.Deadline = now.Add(c.cfg.Timeout)
	return c.box.Add(now, item)
}

func (c *Client) item(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) (*outbox.Item, *fault.Fault) {
	if p == nil {
		return nil, fault.New(fault.InvalidArgument, "the publication is missing")
	}
	body, err := linkwire.AppendPublication(nil, tenant, p)
	if err != nil {
		return nil, fault.New(fault.InvalidArgument, "the publication can't be encoded").
			WithHint("names, keys and headers must be UTF-8").WithCause(err)
	}
	if n := len(body) + linkwire.PublishPrefix; n > linkwire.MaxPublish {
		return nil, fault.New(fault.PayloadTooLarge, "the publication has %d bytes, at most %d can be carried", n, linkwire.MaxPublish)
	}
	return &outbox.Item{
		Tenant: tenant, Channel: p.GetChannel(), Producer: p.GetProducer(),
		Again: p.GetProducer() != "" && p.GetSequence() != 0 && p.GetAck() != weirpb.Ack_ACK_NONE,
		Size:  len(body), Body: body, Publication: p, Done: done,
	}, nil
}
