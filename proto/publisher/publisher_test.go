package publisher

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// modelHub is what SPEC.md, section 7, says of a hub, with edges in front of it that may be slow to hand on.
type modelHub struct {
	channels map[string][]string          // what is stored, by channel
	rows     map[string]map[string]uint64 // last sequence by channel and producer
	offsets  map[string]uint64            // by channel, producer and sequence
	expired  map[string]bool              // producers that were forgotten
}

func newModelHub() *modelHub {
	return &modelHub{
		channels: make(map[string][]string), rows: make(map[string]map[string]uint64),
		offsets: make(map[string]uint64), expired: make(map[string]bool),
	}
}

func (h *modelHub) publish(producer string, m *weirpb.Publication) (*weirpb.Receipt, *fault.Fault) {
	channel := m.GetChannel()
	if h.rows[channel] == nil {
		h.rows[channel] = make(map[string]uint64)
	}
	last, known := h.rows[channel][producer]
	place := func(sequence uint64) string { return fmt.Sprint(channel, "/", producer, "/", sequence) }
	switch sequence := m.GetSequence(); {
	case !known && h.expired[producer]:
		return nil, refuse(fault.ProducerExpired)
	case sequence <= last:
		return &weirpb.Receipt{Epoch: 1, Offset: h.offsets[place(sequence)], Duplicate: true}, nil
	case sequence > last+1:
		return nil, refuse(fault.SequenceGap)
	}
	h.channels[channel] = append(h.channels[channel], string(m.GetPayload()))
	offset := uint64(len(h.channels[channel]))
	h.rows[channel][producer] = m.GetSequence()
	h.offsets[place(m.GetSequence())] = offset
	return &weirpb.Receipt{Epoch: 1, Offset: offset}, nil
}

func (h *modelHub) forget(producer string) {
	h.expired[producer] = true
	for _, rows := range h.rows {
		delete(rows, producer)
	}
}

func refuse(code fault.Code) *fault.Fault { return fault.New(code, "refused") }

// flight is a request between client and hub.
type flight struct {
	request  uint32 // 0: the client does not wait for it any more
	producer string
	message  *weirpb.Publication
}

// sent is a publication that was handed over, and what came of it.
type sent struct {
	channel string
	receipt *weirpb.Receipt
	err     error
}

func (s *sent) hear(r *weirpb.Receipt, err error) { s.receipt, s.err = r, err }

// world drives a publisher through a random history.
type world struct {
	t       *testing.T
	seed    uint64
	rng     *rand.Rand
	hub     *modelHub
	p       *Publisher
	now     time.Time
	flights []*flight // in order of sending; those of one session stay in order
	granted int
	own     string   // identity of the session
	grants  []string // identities granted in the session besides
	turns   int      // how often the client went on under one of them
	session bool
	sent    []*sent
}

func (w *world) fatalf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("seed %d: %s", w.seed, fmt.Sprintf(format, args...))
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *world) connect() {
	identity := w.p.Hello()
	if identity == "" || w.chance(10) && w.p.identity != "" {
		w.granted++
		identity = fmt.Sprint("producer-", w.granted)
	}
	w.p.Welcome(identity, 1+w.rng.IntN(8))
	w.session, w.own, w.grants = true, identity, nil
}

// grant is what an edge does when the hub has forgotten a producer: it grants another, or says again which is the newest.
func (w *world) grant(expired string) string {
	if newest := slices.Concat([]string{w.own}, w.grants); newest[len(newest)-1] != expired {
		return newest[len(newest)-1]
	}
	w.granted++
	identity := fmt.Sprint("producer-", w.granted)
	w.grants = append(w.grants, identity)
	if w.chance(10) { // its clock is wrong
		w.hub.expired[identity] = true
	}
	return identity
}

// send lets the client send its next publication, which must be under an identity that the edge takes.
func (w *world) send() {
	pub := w.p.Send(w.now)
	if pub == nil {
		w.checkProgress()
		return
	}
	producer := pub.message.GetProducer()
	if producer == "" {
		producer = w.own
	} else if !slices.Contains(w.grants, producer) {
		w.fatalf("published under %q in a session of %q that has granted %q", producer, w.own, w.grants)
	}
	w.flights = append(w.flights, &flight{pub.request, producer, &weirpb.Publication{
		Channel: pub.message.GetChannel(), Payload: pub.message.GetPayload(), Sequence: pub.message.GetSequence(),
	}})
}

// checkProgress fails if nothing will ever make a publisher send that has something to send.
func (w *world) checkProgress() {
	if _, wakes := w.p.Wake(); w.p.count > 0 && len(w.p.requests) == 0 && !wakes && !w.p.Renew() {
		w.fatalf("%d publications wait for nothing", w.p.count)
	}
}

// disconnect loses what the client waits for; the edge may hand on what it has, later.
func (w *world) disconnect() {
	w.p.Lost()
	w.session = false
	for _, f := range w.flights {
		f.request = 0
	}
	w.flights = slices.DeleteFunc(w.flights, func(*flight) bool { return w.chance(50) })
}

// deliver lets a flight arrive at the hub: the oldest of the session, or any that is left of earlier ones.
func (w *world) deliver() {
	if len(w.flights) == 0 {
		return
	}
	i := 0
	if w.flights[0].request == 0 { // a zombie; the live ones are behind
		i = w.rng.IntN(len(w.flights))
		for i > 0 && w.flights[i].request != 0 && w.flights[i-1].request != 0 {
			i--
		}
	}
	f := w.flights[i]
	w.flights = slices.Delete(w.flights, i, i+1)
	if f.request == 0 {
		w.hub.publish(f.producer, f.message)
		return
	}
	a := Answer{Request: f.request}
	a.Receipt, a.Fault = w.outcome(f)
	a.Retryable = a.Fault != nil && a.Fault.Code.Retryable()
	if a.Fault != nil && a.Fault.Code == fault.ProducerExpired && !w.chance(20) { // or an edge that is older
		a.Producer = w.grant(f.producer)
	}
	identity := w.p.identity
	if !w.p.Answered(a, w.now) {
		w.fatalf("request %d is unknown", f.request)
	}
	if w.p.identity != identity {
		w.turns++
	}
}

func (w *world) outcome(f *flight) (*weirpb.Receipt, *fault.Fault) {
	switch {
	case w.chance(5):
		return nil, refuse(fault.Busy)
	case w.chance(5):
		return nil, refuse(fault.PermissionDenied)
	case w.chance(3): // lost on the way
		return nil, refuse(fault.Timeout)
	case w.chance(3): // still on the way
		w.flights = slices.Insert(w.flights, 0, &flight{0, f.producer, f.message})
		return nil, refuse(fault.Timeout)
	case w.chance(3): // happened, and nobody knows
		w.hub.publish(f.producer, f.message)
		return nil, refuse(fault.Unavailable)
	}
	return w.hub.publish(f.producer, f.message)
}

func (w *world) step(n int) {
	w.now = w.now.Add(50 * time.Millisecond)
	if !w.session {
		w.connect()
		return
	}
	switch {
	case w.chance(20) && len(w.sent) < n:
		channel := fmt.Sprint("channel-", w.rng.IntN(3))
		s := &sent{channel: channel}
		w.p.Add(&weirpb.Publication{Channel: channel, Payload: fmt.Appendf(nil, "%d", len(w.sent))}, s.hear)
		w.sent = append(w.sent, s)
	case w.chance(3), w.p.Renew():
		w.disconnect()
	case w.chance(1):
		w.hub.forget(w.p.identity)
	case w.chance(60):
		w.send()
	default:
		w.deliver()
	}
}

// Whatever happens, each publication is stored at most once and in order; with a receipt exactly once, at its place.
func TestPublisherHistories(t *testing.T) {
	seeds, turns := histories(t), 0
	for seed := range seeds {
		w := &world{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), hub: newModelHub(), p: New(), now: time.Unix(0, 0)}
		const n = 40
		for steps := 0; len(w.sent) < n || w.p.count > 0; steps++ {
			if steps > 100_000 {
				w.fatalf("publications are never answered: %d left", w.p.count)
			}
			w.step(n)
		}
		w.disconnect()
		for len(w.flights) > 0 {
			w.deliver()
		}
		w.check(seed)
		if t.Failed() {
			return
		}
		turns += w.turns
	}
	if turns == 0 {
		t.Error("no history goes on under an identity that was granted within a session")
	}
}

// histories returns how many are tried; SEEDS in the environment chooses another number.
func histories(t *testing.T) uint64 {
	set := os.Getenv("SEEDS")
	if set == "" {
		return 2000
	}
	n, err := strconv.ParseUint(set, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (w *world) check(seed uint64) {
	stored := make(map[string]int)
	for _, payloads := range w.hub.channels {
		for _, payload := range payloads {
			stored[payload]++
		}
	}
	last := make(map[string]uint64)
	for i, pub := range w.sent {
		payload, channel := fmt.Sprint(i), pub.channel
		if stored[payload] > 1 {
			w.t.Errorf("seed %d: %s is stored %d times in %v", seed, payload, stored[payload], w.hub.channels[channel])
		}
		if pub.err != nil { // it may be stored, and then anywhere
			continue
		}
		offset := pub.receipt.GetOffset()
		if in := w.hub.channels[channel]; offset == 0 || offset > uint64(len(in)) || in[offset-1] != payload {
			w.t.Errorf("seed %d: the receipt of %s says offset %d of %v", seed, payload, offset, in)
		}
		if offset <= last[channel] {
			w.t.Errorf("seed %d: %s is out of order in %v", seed, payload, w.hub.channels[channel])
		}
		last[channel] = offset
	}
	if w.p.bytes != 0 || w.p.maybes != 0 || len(w.p.requests) != 0 {
		w.t.Errorf("seed %d: at the end %d bytes, %d maybes, %d requests", seed, w.p.bytes, w.p.maybes, len(w.p.requests))
	}
}

// What was certainly refused must not be sent again and again in front of what is to be settled, if that is beyond what may
// be under way.
func TestRefusedIsNotInTheWay(t *testing.T) {
	p, now := New(), time.Unix(0, 0)
	for n := range 3 {
		p.Add(&weirpb.Publication{Channel: "chat", Payload: fmt.Append(nil, n)}, func(*weirpb.Receipt, error) {})
	}
	var underway []*Publication
	sendAll := func() {
		for pub := p.Send(now); pub != nil; pub = p.Send(now) {
			underway = append(underway, pub)
		}
	}
	answer := func(code fault.Code) {
		p.Answered(Answer{Request: underway[0].Request(), Fault: refuse(code), Retryable: code.Retryable()}, now)
		underway = underway[1:]
	}
	p.Welcome("old", 3)
	sendAll()
	for _, code := range []fault.Code{fault.Busy, fault.SequenceGap, fault.Timeout} {
		answer(code)
	}
	now = now.Add(time.Minute)
	p.Lost()
	p.Welcome("old", 2)
	for n := 0; !p.Renew(); n++ {
		if n == 20 {
			t.Fatal("the identity is never given up")
		}
		sendAll()
		answer(fault.ProducerExpired)
	}
}
