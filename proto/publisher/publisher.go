// Package publisher keeps a client's publications until they are answered, in order, and numbers them so that each is
// published once (SPEC.md, section 7). It is a state machine that does no I/O: it is told what happened and says what to
// send. The Go client drives it with sessions, and a simulation of a region through whatever can happen to them.
package publisher

import (
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// maxLanes bounds the channels whose sequences are remembered. Beyond it the client asks for a fresh identity, under
// which all begin anew.
const maxLanes = 10_000

// A Publisher has a client's publications. It is not safe for concurrent use.
type Publisher struct {
	identity string // that the lanes' numbers count under; "" before the first session
	own      string // the identity of WELCOME; publications name theirs if it is another
	granted  string // to go on under, in this session, when all under the present one is settled; "": none
	unproven bool   // the identity was granted in the session, and nothing has been accepted under it
	kept     bool   // the identity is that of an earlier Publisher
	// turning: some lane can't go on under the identity. The others send only what has to be settled under it.
	turning bool

	lanes map[string]*lane // by channel
	turn  []*lane          // with something unsent, in the order in which they may send

	requests    map[uint32]*Publication // under way in this session
	nextRequest uint32
	limit       int // most requests at once; 0: no session

	count, bytes int // of publications that are not answered
	maybes       int // of them, those that may have been accepted
}

// A Publication is an event that is not answered.
type Publication struct {
	lane    *lane
	message *weirpb.Publication
	done    func(*weirpb.Receipt, error)
	bytes   int

	sequence uint64 // 0: not numbered
	identity string // that it was last sent under, or is to be
	// maybe is whether an attempt, other than the one under way, may have been accepted: it was sent, and nobody said what
	// came of it. Such a publication keeps its number.
	maybe    bool
	request  uint32 // 0: not under way
	leftOpen bool   // it has ended without a receipt, and may have been accepted
}

// Message returns what is to be sent.
func (p *Publication) Message() *weirpb.Publication { return p.message }

// Request returns the number of the request that the publication is sent with, 0 if it is not under way.
func (p *Publication) Request() uint32 { return p.request }

// Sent reports whether the publication has ever been sent: then it can't be taken back.
func (p *Publication) Sent() bool { return p.request != 0 || p.sequence != 0 }

func (p *Publication) ephemeral() bool { return p.message.GetAck() == weirpb.Ack_ACK_NONE }

// New returns a Publisher without publications or a session.
func New() *Publisher {
	return &Publisher{lanes: make(map[string]*lane), requests: make(map[uint32]*Publication)}
}

// Len returns how many publications are not answered, and their bytes.
func (p *Publisher) Len() (count, bytes int) { return p.count, p.bytes }

// Add takes in a publication. The caller has seen to the bounds. done is called once, with what came of it, and must not
// call the Publisher.
func (p *Publisher) Add(message *weirpb.Publication, done func(*weirpb.Receipt, error)) *Publication {
	l := p.lanes[message.GetChannel()]
	if l == nil {
		l = &lane{next: 1, stale: len(p.lanes) >= maxLanes}
		p.lanes[message.GetChannel()] = l
	}
	p.turning = p.turning || l.stale
	pub := &Publication{
		lane: l, message: message, bytes: proto.Size(message), done: done,
	}
	l.queue = append(l.queue, pub)
	p.count++
	p.bytes += pub.bytes
	p.queueUp(l)
	return pub
}

// queueUp gives a lane its turn, if it has something to send.
func (p *Publisher) queueUp(l *lane) {
	if !l.waiting && l.unsent() != nil {
		l.waiting = true
		p.turn = append(p.turn, l)
	}
}

// Send returns the next publication to send, with its request and sequence, or nil if there is none to send now.
func (p *Publisher) Send(now time.Time) *Publication {
	if len(p.requests) >= p.limit {
		return nil
	}
	for range p.turn {
		l := p.turn[0]
		p.turn = p.turn[1:]
		l.waiting = false
		pub := l.unsent()
		if pub == nil {
			continue
		}
		if p.barred(pub) || now.Before(l.notBefore) {
			p.queueUp(l)
			continue
		}
		p.dispatch(pub)
		p.queueUp(l)
		return pub
	}
	return nil
}

// barred reports whether pub, the first of its lane that is not under way, must wait for something else than time.
func (p *Publisher) barred(pub *Publication) bool {
	l := pub.lane
	return l.held || l.stale && pub.sequence == 0 || p.turning && (p.maybes == 0 || !l.maybeFrom(pub))
}

func (p *Publisher) dispatch(pub *Publication) {
	l := pub.lane
	if pub.sequence == 0 && !pub.ephemeral() {
		pub.sequence = l.next
		l.next++
	}
	pub.identity = p.identity
	p.nextRequest++
	pub.request = p.nextRequest
	p.requests[pub.request] = pub
	l.inflight++
	pub.message.Sequence = pub.sequence
	if pub.message.Producer = ""; p.identity != p.own && !pub.ephemeral() {
		pub.message.Producer = p.identity
	}
}

// Wake returns when a lane that waits may send again; false if there is none.
func (p *Publisher) Wake() (at time.Time, ok bool) {
	for _, l := range p.turn {
		pub := l.unsent()
		if pub == nil || p.barred(pub) || l.notBefore.IsZero() {
			continue
		}
		if !ok || l.notBefore.Before(at) {
			at, ok = l.notBefore, true
		}
	}
	return at, ok
}

// setMaybe notes whether a publication may have been accepted.
func (p *Publisher) setMaybe(pub *Publication, maybe bool) {
	if maybe && !pub.maybe {
		p.maybes++
	}
	if !maybe && pub.maybe {
		p.maybes--
	}
	pub.maybe = maybe
}

// End resolves a publication that is not answered.
func (p *Publisher) End(pub *Publication, receipt *weirpb.Receipt, err error) {
	pub.leftOpen = err != nil && pub.Open()
	p.setMaybe(pub, false)
	pub.lane.remove(pub)
	p.count--
	p.bytes -= pub.bytes
	pub.done(receipt, err)
}

// channels lists those of the lanes in order, so that a history can be repeated.
func (p *Publisher) channels() []string { return slices.Sorted(maps.Keys(p.lanes)) }

// EndAll resolves all there are.
func (p *Publisher) EndAll(err error) {
	for _, channel := range p.channels() {
		l := p.lanes[channel]
		for len(l.queue) > 0 {
			p.End(l.queue[0], nil, err)
		}
	}
}

// Hello returns the identity to ask for in the next session: "", for a fresh one, unless there is something to be
// settled under the present one, or that was kept.
func (p *Publisher) Hello() string {
	if p.maybes > 0 || p.kept && !p.turning {
		return p.identity
	}
	return ""
}

// Welcome begins a session, in which so many requests may be under way, with the identity that the server granted.
func (p *Publisher) Welcome(identity string, limit int) {
	p.limit, p.own, p.granted = limit, identity, ""
	if identity != p.identity {
		p.unproven = false
		p.begin(identity)
	}
}

// begin begins to number anew, under another identity.
func (p *Publisher) begin(identity string) {
	p.identity, p.turning, p.kept = identity, false, false
	for _, channel := range p.channels() {
		l := p.lanes[channel]
		p.settleMaybes(l)
		if len(l.queue) == 0 {
			delete(p.lanes, channel)
			continue
		}
		for _, pub := range l.queue {
			pub.sequence = 0
		}
		l.next, l.stale, l.restart, l.notBefore, l.failures = 1, false, 0, time.Time{}, 0
	}
}

// settleMaybes fails those of a lane of which nobody can tell any more whether they have been accepted.
func (p *Publisher) settleMaybes(l *lane) {
	for i := 0; i < len(l.queue); {
		if pub := l.queue[i]; pub.maybe && pub.request == 0 {
			p.End(pub, nil, fault.New(fault.ProducerExpired, "it can't be told whether the publication was accepted: the producer's identity is gone").
				WithHint("look into the channel before publishing it again"))
			continue
		}
		i++
	}
}

// settled reports whether nothing is left to settle under the present identity.
func (p *Publisher) settled() bool { return p.limit > 0 && len(p.requests) == 0 && p.maybes == 0 }

// Renew reports whether the session should give way to one with a fresh identity: some lane can't go on without, nothing
// is left to settle under the present one, and the server has granted none in the session.
func (p *Publisher) Renew() bool { return p.turning && p.settled() && p.granted == "" }

// turnOver goes on under the identity that was granted in the session, if there is one and the present one is done with.
func (p *Publisher) turnOver() {
	if p.granted == "" || !p.settled() {
		return
	}
	granted := p.granted
	p.granted, p.unproven = "", true
	p.begin(granted)
}

// grant takes in an identity that came with producer_expired. Where one that was granted in the same way is refused before
// anything has been accepted under it, something else is wrong, such as a clock: then a reconnect, which has a backoff, is
// the way to another.
func (p *Publisher) grant(identity string) {
	if !p.unproven && identity != p.identity {
		p.granted = identity
	}
}

// Lost ends a session: whatever was under way may have been accepted.
func (p *Publisher) Lost() {
	p.limit, p.granted = 0, ""
	clear(p.requests)
	for _, channel := range p.channels() {
		l := p.lanes[channel]
		for i := 0; i < len(l.queue); {
			pub := l.queue[i]
			if pub.ephemeral() {
				p.End(pub, nil, ephemeralLost(pub.request != 0))
				continue
			}
			if pub.request != 0 {
				pub.request = 0
				p.setMaybe(pub, true)
			}
			i++
		}
		l.inflight, l.held = 0, false
		if l.restart > 0 {
			p.abandon(l, l.restart)
		}
		p.queueUp(l)
	}
}

func ephemeralLost(sent bool) error {
	if sent {
		return fault.New(fault.Unavailable, "the session was lost; the ephemeral event may or may not have been passed on")
	}
	return ErrNoSession
}

// ErrNoSession is what becomes of an ephemeral event that has not been sent when there is no session.
var ErrNoSession error = fault.New(fault.Unavailable, "there is no session, and ephemeral events do not wait for one")

// abandon gives up the numbers beyond one that will never be used under the present identity. What had them was not and
// can't be accepted, so it can safely be sent under another identity.
func (p *Publisher) abandon(l *lane, hole uint64) {
	for _, pub := range l.queue {
		if pub.sequence > hole {
			p.setMaybe(pub, false)
			pub.sequence = 0
		}
	}
	l.restart, l.stale = 0, true
	p.turning = true
}
