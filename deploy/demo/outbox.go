package demo

import (
	"crypto/rand"
	"log/slog"
	"time"

	"weir/proto/fault"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

// window is how many publications may wait for their receipt: what a session may have in flight, and half a second of
// flights, so that a hub that answers slower than that is not pressed further.
const window = 256

// How long to wait before trying again: doubled each time up to the last. There is one feed per hub, so no jitter.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

func nextRetry(wait time.Duration) time.Duration { return min(2*wait, lastRetry) }

// An outbox sends publications in order and sees each one through: when the hub refuses one for now, it lets all that are
// on their way come back, waits, and sends whatever was not accepted again, in the same order and under the same sequence
// numbers. The numbers tell the hub what it has already, so nothing is published twice.
//
// All of it belongs to one goroutine, but for answers, which the hub writes to.
type outbox struct {
	cfg      Config
	producer string
	// sequence is the number of the last publication that was added.
	sequence uint64
	// waiting are the publications without a receipt, oldest first; at most window.
	waiting []*weirpb.Publication
	// underway counts those of waiting that the hub has not answered.
	underway int
	// answers has room for all that may be underway, so that the hub never blocks.
	answers chan answer
	// refused is why the publications are to be sent again; nil while all goes well.
	refused *fault.Fault
	wait    time.Duration
	retry   *time.Timer
	// skipped counts positions that found no room since the last trouble began.
	skipped int
}

// An answer is what the hub says to one publication.
type answer struct {
	publication *weirpb.Publication
	err         error
}

func newOutbox(cfg Config) *outbox {
	o := &outbox{
		cfg: cfg, producer: producer.New(time.Now(), rand.Reader),
		answers: make(chan answer, window), wait: firstRetry, retry: time.NewTimer(0),
	}
	o.retry.Stop()
	return o
}

func (o *outbox) stop() { o.retry.Stop() }

// full reports whether add must not be called.
func (o *outbox) full() bool { return len(o.waiting) == window || o.refused != nil }

// add takes a publication and sends it.
func (o *outbox) add(p *weirpb.Publication) {
	o.sequence++
	p.Producer, p.Sequence = o.producer, o.sequence
	o.waiting = append(o.waiting, p)
	o.send(p)
}

func (o *outbox) send(p *weirpb.Publication) {
	o.underway++
	o.cfg.Hub.Publish(o.cfg.Tenant, p, func(_ *weirpb.Receipt, err error) {
		o.answers <- answer{publication: p, err: err}
	})
}

// settle takes an answer. It returns the error if sending again would not help.
func (o *outbox) settle(a answer) error {
	o.underway--
	if a.err == nil {
		o.accepted(a.publication)
	} else if f := fault.From(a.err); f.Code.Retryable() || f.Code == fault.ProducerExpired {
		o.refuse(f)
	} else {
		return a.err
	}
	if o.refused != nil && o.underway == 0 {
		o.retry.Reset(max(o.wait, o.refused.RetryAfter))
	}
	return nil
}

// accepted strikes out a publication; receipts come in order, so it is nearly always the first.
func (o *outbox) accepted(p *weirpb.Publication) {
	for i, w := range o.waiting {
		if w == p {
			o.waiting = append(o.waiting[:i], o.waiting[i+1:]...)
			break
		}
	}
	if o.refused == nil && o.wait != firstRetry {
		o.wait = firstRetry
		o.cfg.Logger.Info("flights go on", slog.String("channel", Flights), slog.Int("positions_skipped", o.skipped))
		o.skipped = 0
	}
}

// refuse notes the first reason why something has to be sent again; what is underway behind it is refused because of it.
func (o *outbox) refuse(f *fault.Fault) {
	if o.refused != nil {
		return
	}
	o.refused = f
	if o.wait == firstRetry {
		o.cfg.Logger.Warn("flights wait for the hub", slog.String("channel", Flights), slog.Any("error", f))
	}
}

// resend sends all that is waiting once more.
func (o *outbox) resend() {
	expired := o.refused.Code == fault.ProducerExpired
	o.refused, o.wait = nil, nextRetry(o.wait)
	if expired {
		o.renumber()
	}
	for _, p := range o.waiting {
		o.send(p)
	}
}

// renumber begins anew under another identity, as the hub asks for after a pause longer than it remembers producers. What
// it had accepted without our hearing of it comes twice then, which changes no state.
func (o *outbox) renumber() {
	o.producer, o.sequence = producer.New(time.Now(), rand.Reader), 0
	for i, old := range o.waiting {
		o.sequence++
		o.waiting[i] = &weirpb.Publication{ // the hub may still hold the old one
			Channel: old.Channel, Key: old.Key, Payload: old.Payload, ContentType: old.ContentType,
			Tombstone: old.Tombstone, Producer: o.producer, Sequence: o.sequence,
		}
	}
}
