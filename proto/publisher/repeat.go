package publisher

import (
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// Keep has the first session asked for the identity of an earlier Publisher, under which Repeat repeats what that one has
// not heard of. It is called before there is a session or a publication.
func (p *Publisher) Keep(identity string) { p.identity, p.kept = identity, true }

// Repeat is Add for a publication that an earlier Publisher may have sent, under the identity that was kept and with this
// sequence, which is beyond those of the channel's before it. If it was accepted then, it is not accepted again.
func (p *Publisher) Repeat(message *weirpb.Publication, sequence uint64, done func(*weirpb.Receipt, error)) (*Publication, error) {
	if !p.kept {
		return nil, fault.New(fault.ProducerExpired, "it can't be told whether the publication was accepted: the producer's identity is gone").
			WithHint("look into the channel before publishing it again")
	}
	if l := p.lanes[message.GetChannel()]; l != nil && sequence < l.next {
		return nil, fault.New(fault.InvalidArgument, "the sequence %d has been used, the next is %d", sequence, l.next)
	}
	pub := p.Add(message, done)
	pub.sequence, pub.identity = sequence, p.identity
	pub.lane.next = sequence + 1
	p.setMaybe(pub, true)
	return pub, nil
}

// Identity returns the identity and the number among those of the channel under which the publication was last sent; "" and 0 if
// it never was.
func (p *Publication) Identity() (producer string, sequence uint64) { return p.identity, p.sequence }

// Open reports whether the publication may have been accepted without anybody having said so: it is under way, or was sent
// before. Of one that has ended it says whether it was so then.
func (p *Publication) Open() bool { return p.maybe || p.request != 0 || p.leftOpen }
