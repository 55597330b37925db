// Package fakehub is a hub in memory for the edge's tests: it orders, keeps and serves events, and fails as it is told.
package fakehub

import (
	"context"
	"crypto/sha256"
	"sync"

	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/name"
	"weir/proto/weirpb"
)

// ErrDown is what a hub answers that is down.
var ErrDown = fault.New(fault.Unavailable, "the hub is down")

// A Hub is safe for concurrent use.
type Hub struct {
	mu       sync.Mutex
	changed  chan struct{} // closed and replaced at every change
	down     bool
	shut     bool   // modules can not be fetched
	cuts     uint64 // feeds that began before the latest cut end
	epoch    uint64
	now      int64
	channels map[string]*channel
	control  control
	held     []func() // publications waiting for Release
	holding  bool
	expired  map[string]bool // producers that are not accepted any more
}

// A channel is a log or the state of one channel.
type channel struct {
	info   *weirpb.Channel
	events []*weirpb.Event // the window; ephemeral ones are not kept
	stream []*weirpb.Event // all since the epoch began, with the ephemeral ones
	latest map[string]*weirpb.Event
	kept   []string // keys in order of their first event
}

// New returns a hub with a tenant "acme" that has the namespaces default and log, which are logs, and state.
func New() *Hub {
	h := &Hub{changed: make(chan struct{}), epoch: 1000, now: 1_795_000_000_000, channels: make(map[string]*channel), expired: make(map[string]bool)}
	h.control.modules = make(map[string][]byte)
	h.Put(&weirpb.Tenant{Name: "acme"})
	h.Put(&weirpb.Namespace{Tenant: "acme", Name: "default"})
	h.Put(&weirpb.Namespace{Tenant: "acme", Name: "log", Kind: weirpb.ChannelKind_CHANNEL_KIND_LOG})
	h.Put(&weirpb.Namespace{Tenant: "acme", Name: "state", Kind: weirpb.ChannelKind_CHANNEL_KIND_STATE})
	return h
}

// touch tells who waits that something has changed. mu is held.
func (h *Hub) touch() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// channel returns a channel, made if need be. mu is held.
func (h *Hub) channel(tenant, channelName string) (*channel, error) {
	if h.down {
		return nil, ErrDown
	}
	if err := name.CheckChannel(channelName); err != nil {
		return nil, err
	}
	namespace := name.NamespaceOf(channelName, func(n string) bool { return h.control.namespace(tenant, n) != nil })
	settings := h.control.namespace(tenant, namespace)
	if settings == nil {
		return nil, fault.New(fault.NamespaceUnknown, "there is no namespace %q", namespace)
	}
	id := tenant + " " + channelName
	c := h.channels[id]
	if c == nil {
		kind := settings.GetKind()
		if kind == weirpb.ChannelKind_CHANNEL_KIND_UNSPECIFIED {
			kind = weirpb.ChannelKind_CHANNEL_KIND_LOG
		}
		c = &channel{latest: make(map[string]*weirpb.Event), info: &weirpb.Channel{
			Name: channelName, Namespace: namespace, Kind: kind, Epoch: h.epoch, FirstOffset: 1, NextOffset: 1,
		}}
		h.channels[id] = c
	}
	return c, nil
}

func (c *channel) isState() bool { return c.info.GetKind() == weirpb.ChannelKind_CHANNEL_KIND_STATE }

func (c *channel) cursor() *weirpb.Cursor {
	return &weirpb.Cursor{Epoch: c.info.GetEpoch(), Offset: c.info.GetNextOffset() - 1}
}

// describe returns a copy of what the channel is. mu of the hub is held.
func (c *channel) describe() *weirpb.Channel {
	info := proto.CloneOf(c.info)
	info.Keys = uint64(len(c.latest))
	return info
}

// Publish accepts a publication at once, or after Release if Hold was called.
func (h *Hub) Publish(tenant string, p *weirpb.Publication, finished func(*weirpb.Receipt, error)) {
	h.mu.Lock()
	if h.holding {
		h.held = append(h.held, func() { h.Publish(tenant, p, finished) })
		h.mu.Unlock()
		return
	}
	receipt, err := h.publish(tenant, p)
	h.mu.Unlock()
	finished(receipt, err)
}

// Add publishes an event and returns its offset. It panics where the hub refuses it.
func (h *Hub) Add(tenant, channelName, key, payload string) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	receipt, err := h.publish(tenant, &weirpb.Publication{Channel: channelName, Key: key, Payload: []byte(payload)})
	if err != nil {
		panic(err)
	}
	return receipt.GetOffset()
}

// Delete publishes a tombstone.
func (h *Hub) Delete(tenant, channelName, key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.publish(tenant, &weirpb.Publication{Channel: channelName, Key: key, Tombstone: true}); err != nil {
		panic(err)
	}
}

func (h *Hub) publish(tenant string, p *weirpb.Publication) (*weirpb.Receipt, error) {
	c, err := h.channel(tenant, p.GetChannel())
	if err != nil {
		return nil, err
	}
	if h.expired[p.GetProducer()] {
		return nil, fault.New(fault.ProducerExpired, "the channel does not know the producer %q", p.GetProducer())
	}
	if c.isState() && p.GetKey() == "" {
		return nil, fault.New(fault.KeyRequired, "a state channel's event needs a key")
	}
	h.now++
	e := &weirpb.Event{
		TimeMs: h.now, Key: p.GetKey(), Payload: p.GetPayload(), ContentType: p.GetContentType(),
		Headers: p.GetHeaders(), Tombstone: p.GetTombstone(),
	}
	if p.GetAck() != weirpb.Ack_ACK_NONE {
		e.Offset = c.info.GetNextOffset()
		c.info.NextOffset++
		c.events = append(c.events, e)
	}
	c.stream = append(c.stream, e)
	c.keep(e)
	h.touch()
	return &weirpb.Receipt{Epoch: c.info.GetEpoch(), Offset: e.GetOffset(), TimeMs: e.GetTimeMs()}, nil
}

func (c *channel) keep(e *weirpb.Event) {
	if !c.isState() {
		return
	}
	if e.GetTombstone() {
		delete(c.latest, e.GetKey())
		return
	}
	if c.latest[e.GetKey()] == nil {
		c.kept = append(c.kept, e.GetKey())
	}
	c.latest[e.GetKey()] = e
}

// SetTime sets the hub's clock, in milliseconds since the Unix epoch. It moves by 1 with each event.
func (h *Hub) SetTime(ms int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = ms
}

// Hold makes publications wait for Release.
func (h *Hub) Hold() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holding = true
}

// Release accepts the publications that waited.
func (h *Hub) Release() {
	h.mu.Lock()
	held := h.held
	h.holding, h.held = false, nil
	h.mu.Unlock()
	for _, publish := range held {
		publish()
	}
}

// Expire refuses a producer's publications from now on.
func (h *Hub) Expire(producer string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.expired[producer] = true
}

// SetDown makes the hub unreachable, or reachable again. All feeds end.
func (h *Hub) SetDown(down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = down
	h.cuts++
	h.touch()
}

// Trim drops the events of a channel before an offset.
func (h *Hub) Trim(tenant, channelName string, first uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, err := h.channel(tenant, channelName)
	if err != nil {
		panic(err)
	}
	for len(c.events) > 0 && c.events[0].GetOffset() < first {
		c.events = c.events[1:]
	}
	c.info.FirstOffset = max(c.info.GetFirstOffset(), min(first, c.info.GetNextOffset()))
}

// Renew begins a new epoch of a channel, empty.
func (h *Hub) Renew(tenant, channelName string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.epoch++
	delete(h.channels, tenant+" "+channelName)
	h.cuts++
	h.touch()
}

// Module returns a module that was put.
func (h *Hub) Module(_ context.Context, digest []byte) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down || h.shut {
		return nil, ErrDown
	}
	module := h.control.modules[string(digest)]
	if module == nil {
		return nil, fault.New(fault.NotFound, "there is no such module")
	}
	return module, nil
}

// HoldModules has no module be fetched any more, or again.
func (h *Hub) HoldModules(held bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shut = held
}

// PutVersion puts a version of a filter as it is, with its module.
func (h *Hub) PutVersion(v *weirpb.FilterVersion, module []byte) {
	h.mu.Lock()
	h.control.modules[string(v.GetDigest())] = module
	h.mu.Unlock()
	h.Put(v)
}

// PutFilter makes a module the next version of a filter, the live one, and returns its number.
func (h *Hub) PutFilter(tenant, filter string, module []byte, abilities ...string) uint32 {
	digest := sha256.Sum256(module)
	h.mu.Lock()
	h.control.modules[string(digest[:])] = module
	version := h.control.retire(tenant, filter) + 1
	h.mu.Unlock()
	h.Put(&weirpb.FilterVersion{
		Tenant: tenant, Name: filter, Version: version, Digest: digest[:], SizeBytes: uint32(len(module)), Live: true,
		Abilities: abilities,
	})
	return version
}
