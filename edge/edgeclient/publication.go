package edgeclient

import (
	"context"
	"slices"
	"unicode/utf8"

	"weir/proto/fault"
	"weir/proto/name"
	"weir/proto/publisher"
	"weir/proto/weirpb"
)

// A Publication is an event to publish.
type Publication struct {
	Channel string
	// Key is required on a state channel: what the event is the latest version of.
	Key         string
	Payload     []byte
	ContentType string
	Headers     []Header
	// Delete, on a state channel, deletes the key. There is no payload.
	Delete bool
	// Ephemeral events are passed on to whoever is there and never stored, as for cursors and typing: they have no offset,
	// are not published while disconnected, and are not retried.
	Ephemeral bool
	// Sequence, with Config.Producer, repeats a publication of an earlier client's that has had no receipt: if that was accepted, the
	// receipt is of that one, and the event is in the channel once. Those of one channel are repeated in the order of
	// their sequences, without holes, and before others. The hub forgets a producer that has not published to the channel for
	// the namespace's dedupe age, 10 minutes by default; then the error is a *fault.Fault with code producer_expired. 0: it is a new one.
	Sequence uint64
}

// A Receipt says where a publication has its place.
type Receipt struct {
	// Cursor of the event; its offset is 0 for an ephemeral one.
	Cursor Cursor
	// Duplicate is whether an earlier attempt had been accepted: Cursor is that one's. The event is in the channel once.
	Duplicate bool
}

// Bounds that hold for every edge; WELCOME brings those on payloads.
const (
	maxKey         = 512
	maxHeaders     = 16
	maxHeaderBytes = 1 << 10
	maxContentType = 128
)

// message returns the publication as it is sent, or what is wrong with it.
func (p *Publication) message() (*weirpb.Publication, error) {
	if err := name.CheckChannel(p.Channel); err != nil {
		return nil, err
	}
	m := &weirpb.Publication{
		Channel: p.Channel, Key: p.Key, Payload: p.Payload, ContentType: p.ContentType, Tombstone: p.Delete, Ack: weirpb.Ack_ACK_REGION,
	}
	if p.Ephemeral {
		m.Ack = weirpb.Ack_ACK_NONE
	}
	bytes := 0
	for _, h := range p.Headers {
		m.Headers = append(m.Headers, &weirpb.Header{Name: h.Name, Value: h.Value})
		bytes += len(h.Name) + len(h.Value)
	}
	switch {
	case len(p.Key) > maxKey || !utf8.ValidString(p.Key):
		return nil, fault.New(fault.KeyInvalid, "the key is longer than %d bytes or not UTF-8", maxKey)
	case !validText(p):
		return nil, fault.New(fault.InvalidArgument, "the content type or a header is not UTF-8")
	case len(p.Headers) > maxHeaders || bytes > maxHeaderBytes:
		return nil, fault.New(fault.InvalidArgument, "the headers are more than %d, or longer than %d bytes together", maxHeaders, maxHeaderBytes)
	case len(p.ContentType) > maxContentType:
		return nil, fault.New(fault.InvalidArgument, "the content type has %d bytes, at most %d are allowed", len(p.ContentType), maxContentType)
	case p.Sequence != 0 && p.Ephemeral:
		return nil, fault.New(fault.InvalidArgument, "an ephemeral event can't be repeated: nobody would recognise it")
	case p.Delete && len(p.Payload) > 0:
		return nil, fault.New(fault.InvalidArgument, "what deletes a key has no payload")
	}
	return m, nil
}

func validText(p *Publication) bool {
	return utf8.ValidString(p.ContentType) && !slices.ContainsFunc(p.Headers, func(h Header) bool {
		return !utf8.ValidString(h.Name) || !utf8.ValidString(h.Value)
	})
}

// A Pending is a publication that is on its way.
type Pending struct {
	client  *Client
	pub     *publisher.Publication
	done    chan struct{} // closed when receipt and err are set
	receipt Receipt
	err     error
}

// Done is closed when the publication has been accepted or refused.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Wait returns the receipt, or why the publication failed. If ctx ends before, the publication goes on.
func (p *Pending) Wait(ctx context.Context) (Receipt, error) {
	select {
	case <-p.done:
		return p.receipt, p.err
	case <-ctx.Done():
		return Receipt{}, context.Cause(ctx)
	}
}

// Identity returns under which producer identity and sequence the publication was sent: with them another client can repeat
// it without publishing it twice. Open says that it may have been accepted though there is no receipt; if it is false there is one,
// or the publication has not been accepted. Once Done is closed nothing of this changes any more.
func (p *Pending) Identity() (producer string, sequence uint64, open bool) {
	p.client.mu.Lock()
	defer p.client.mu.Unlock()
	producer, sequence = p.pub.Identity()
	return producer, sequence, p.pub.Open()
}

// resolve says how it ended: r is nil if not well. It is called once.
func (p *Pending) resolve(r *weirpb.Receipt, err error) {
	p.receipt = Receipt{Cursor: Cursor{r.GetEpoch(), r.GetOffset()}, Duplicate: r.GetDuplicate()}
	p.err = err
	close(p.done)
}
