package hub

import (
	"context"
	"unicode/utf8"

	"weir/hub/internal/control"
	"weir/hub/internal/ingest"
	"weir/hub/internal/placement"
	"weir/hub/internal/shard"
	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/name"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

// Bounds of a publication beside its payload, in bytes unless said otherwise.
const (
	maxKey         = 512
	maxHeaders     = 16 // headers
	maxHeaderBytes = 1 << 10
	maxContentType = 128
	maxPayload     = 128 << 10 // the most that a namespace may allow
)

// Publish hands over a publication and returns at once. done is called exactly once, maybe before Publish returns; it must
// not block. p must not be changed until then. Publications handed over one after another are ordered so, also ephemeral
// ones among others. All errors are *fault.Fault.
func (h *Hub) Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) {
	late := latePublication{p, done}
	if h.holds(tenant, late, false) {
		return
	}
	part, item, err := h.admit(tenant, p)
	if err == nil {
		h.accept(part, item, done)
		return
	}
	if h.status.check() == nil && h.mayBeLate(err) && h.holds(tenant, late, true) {
		return
	}
	h.refuse(done, err)
}

func (h *Hub) accept(part *shardPart, item *ingest.Item, done func(*weirpb.Receipt, error)) {
	item.Done = func(r *weirpb.Receipt, err error) {
		h.metrics.published(r, err)
		done(r, err)
	}
	part.ingest.Submit(item)
}

func (h *Hub) refuse(done func(*weirpb.Receipt, error), err error) {
	h.metrics.refused(fault.CodeOf(err))
	done(nil, err)
}

// admit checks a publication against what is known before it is ordered.
func (h *Hub) admit(tenant string, p *weirpb.Publication) (*shardPart, *ingest.Item, error) {
	place, err := h.find(tenant, p.GetChannel())
	if err != nil {
		return nil, nil, err
	}
	if err := checkPublication(place.namespace, p); err != nil {
		return nil, nil, err
	}
	if err := h.checkRoom(p); err != nil {
		return nil, nil, err
	}
	item := &ingest.Item{
		Channel: place.id, Settings: place.settings, Publication: p, Ephemeral: p.GetAck() == weirpb.Ack_ACK_NONE,
	}
	if item.Ephemeral {
		item.Epoch = place.epoch()
	}
	return place.part, item, nil
}

// A place is where a channel is found.
type place struct {
	part      *shardPart
	id        shard.ChannelID
	tenant    *control.Tenant
	namespace *weirpb.Namespace
	settings  *logpb.Settings
}

// find returns where a channel is, if this node leads its shard.
func (h *Hub) find(tenant, channel string) (place, error) {
	if err := h.status.check(); err != nil {
		return place{}, err
	}
	if err := name.CheckChannel(channel); err != nil {
		return place{}, err
	}
	part := h.shardOf(tenant, channel)
	if err := part.group.checkLead(); err != nil {
		return place{}, err
	}
	return h.locate(part, tenant, channel)
}

// findSure is find once the node has heard of all tenants and namespaces that there are.
func (h *Hub) findSure(ctx context.Context, tenant, channel string) (place, error) {
	return sure(ctx, h, func() (place, error) { return h.find(tenant, channel) })
}

// shardOf returns the shard that a channel is on.
func (h *Hub) shardOf(tenant, channel string) *shardPart {
	return h.shards[placement.Hashed(len(h.shards)).ShardOf(tenant, channel)-1]
}

// locate finds a channel's tenant and namespace.
func (h *Hub) locate(part *shardPart, tenant, channel string) (place, error) {
	t := h.control.State().Tenants[tenant]
	if t == nil {
		return place{}, control.UnknownTenant(tenant)
	}
	namespace, called := t.NamespaceOf(channel)
	if namespace == nil {
		return place{}, fault.New(fault.NamespaceUnknown, "there is no namespace %q for the channel %q", called, channel).
			WithHint("weir namespace create %s", called)
	}
	return place{
		part: part, id: shard.ChannelID{Tenant: t.ID(), Name: channel},
		tenant: t, namespace: namespace, settings: t.Settings[called],
	}, nil
}

func checkPublication(n *weirpb.Namespace, p *weirpb.Publication) error {
	limit := control.PayloadBytes(n)
	switch {
	case len(p.GetPayload()) > limit:
		return fault.New(fault.PayloadTooLarge, "the payload has %d bytes, namespace %q allows %d", len(p.GetPayload()), n.GetName(), limit).
			WithHint("send less, or raise \"payload_bytes\" of the namespace, up to %d", maxPayload)
	case len(p.GetKey()) > maxKey:
		return fault.New(fault.KeyInvalid, "the key has %d bytes, at most %d are allowed", len(p.GetKey()), maxKey)
	case !utf8.ValidString(p.GetKey()):
		return fault.New(fault.KeyInvalid, "the key is not UTF-8")
	case len(p.GetContentType()) > maxContentType || !utf8.ValidString(p.GetContentType()):
		return fault.New(fault.InvalidArgument, "the content type is not UTF-8 of at most %d bytes", maxContentType)
	}
	if err := checkHeaders(p.GetHeaders()); err != nil {
		return err
	}
	if err := checkKind(n, p); err != nil {
		return err
	}
	return checkSender(p)
}

func checkHeaders(headers []*weirpb.Header) error {
	if len(headers) > maxHeaders {
		return fault.New(fault.InvalidArgument, "there are %d headers, at most %d are allowed", len(headers), maxHeaders)
	}
	size := 0
	for i, h := range headers {
		size += len(h.GetName()) + len(h.GetValue())
		if h.GetName() == "" || !utf8.ValidString(h.GetName()) || !utf8.ValidString(h.GetValue()) {
			return fault.New(fault.InvalidArgument, "header %d has no name or is not UTF-8", i+1)
		}
	}
	if size > maxHeaderBytes {
		return fault.New(fault.InvalidArgument, "the headers have %d bytes in total, at most %d are allowed", size, maxHeaderBytes).
			WithHint("put large things into the payload")
	}
	return nil
}

func checkKind(n *weirpb.Namespace, p *weirpb.Publication) error {
	state := n.GetKind() == weirpb.ChannelKind_CHANNEL_KIND_STATE
	switch {
	case p.GetAck() < 0 || p.GetAck() > weirpb.Ack_ACK_NONE:
		return fault.New(fault.InvalidArgument, "there is no ack %d", p.GetAck()).WithHint("use \"region\" or \"none\"")
	case state && p.GetAck() == weirpb.Ack_ACK_NONE:
		return fault.New(fault.EphemeralNotAllowed, "namespace %q has state channels, whose events are all kept", n.GetName()).
			WithHint("publish with ack \"region\", or in a namespace of log channels")
	case state && p.GetKey() == "":
		return fault.New(fault.KeyRequired, "namespace %q has state channels, whose events need a key", n.GetName()).
			WithHint("name what the event is the latest of: weir pub --key KEY, or the option key of the SDKs")
	case p.GetTombstone() && !state:
		return fault.New(fault.InvalidArgument, "namespace %q has log channels, which have no keys to delete", n.GetName()).
			WithHint("tombstones are for state channels")
	case p.GetTombstone() && len(p.GetPayload()) > 0:
		return fault.New(fault.InvalidArgument, "a tombstone has no payload")
	}
	return nil
}

// checkSender lets ephemeral publications pass: they are not deduplicated, whatever their sequence is.
func checkSender(p *weirpb.Publication) error {
	switch {
	case p.GetAck() == weirpb.Ack_ACK_NONE:
		return nil
	case p.GetProducer() == "" && p.GetSequence() != 0:
		return fault.New(fault.InvalidArgument, "there is a sequence but no producer").
			WithHint("give the producer that the server granted, or neither")
	case p.GetProducer() == "":
		return nil
	case p.GetSequence() == 0:
		return fault.New(fault.InvalidArgument, "there is a producer but no sequence").
			WithHint("count this producer's publications on this channel: 1, 2, 3, ...")
	}
	_, err := producer.Parse(p.GetProducer())
	return err
}
