package shard

import (
	"time"

	"weir/hub/internal/sequence"
	"weir/hub/internal/store"
	"weir/hub/internal/window"
	"weir/proto/fault"
	"weir/proto/logpb"
	identity "weir/proto/producer"
	"weir/proto/weirpb"
)

// An Outcome is what became of one submission.
type Outcome struct {
	Channel ChannelID
	Epoch   uint64
	Offset  uint64
	TimeMs  int64
	// Duplicate is true for a retry: the rest is that of the first attempt.
	Duplicate bool
	// KindChanged is true for the first event since a channel has become one of another kind.
	KindChanged bool
	// Event is what followers are told, nil where nothing was added. It must not be changed.
	Event *weirpb.Event
	// Fault says why the submission was refused.
	Fault *fault.Fault
}

// Append orders publications and appends their outcomes to out, one each. An error is a failure of this node.
func (s *Shard) Append(b *store.Batch, timeMs int64, c *logpb.Append, out []Outcome) ([]Outcome, error) {
	for _, sub := range c.GetSubmissions() {
		p := sub.GetPublication()
		if int(sub.GetSettings()) >= len(c.GetSettings()) || p == nil {
			out = append(out, Outcome{Fault: fault.New(fault.Internal, "the log has a publication without settings")})
			continue
		}
		o, err := s.appendOne(b, timeMs, c.GetSettings()[sub.GetSettings()], p)
		if err != nil {
			return out, err
		}
		out = append(out, o)
	}
	return out, nil
}

func (s *Shard) appendOne(b *store.Batch, timeMs int64, settings *logpb.Settings, p *weirpb.Publication) (Outcome, error) {
	id := ChannelID{Tenant: settings.GetTenantId(), Name: p.GetChannel()}
	if s.isDropped(id.Tenant) {
		return Outcome{Channel: id, Fault: fault.New(fault.TenantUnknown, "the tenant has been deleted")}, nil
	}
	ch, err := s.channel(id)
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{Channel: id}
	if o.KindChanged, o.Fault = s.describe(ch.row, settings); o.Fault != nil {
		return o, nil
	}
	if o.KindChanged {
		s.touch(ch)
	}
	o.Epoch = ch.row.Epoch

	var from *producer
	if p.GetProducer() != "" {
		if from, err = s.checkProducer(&o, id, p, timeMs, settings); err != nil || from == nil {
			return o, err
		}
	}
	if settings.GetKind() == weirpb.ChannelKind_CHANNEL_KIND_STATE {
		if o.Fault, err = s.updateLatest(ch, settings, p); err != nil || o.Fault != nil {
			return o, err
		}
	}
	o.Event = newEvent(ch.row, timeMs, p)
	o.Offset, o.TimeMs = o.Event.Offset, o.Event.TimeMs
	if err := s.storeEvent(b, ch, settings, o.Event); err != nil {
		return o, err
	}
	if from == nil {
		return o, nil
	}
	return o, s.accepted(b, from, p.GetSequence(), outcome{o.Offset, o.TimeMs}, int64(settings.GetDedupeAgeMs()))
}

// describe completes the row of a channel that has never had an event. A channel that has may have come into another
// namespace, when one was created that has the channel's very name; its kind changes when nothing is kept any more.
func (s *Shard) describe(row *logpb.ChannelRow, settings *logpb.Settings) (changed bool, refused *fault.Fault) {
	switch {
	case row.NextOffset == 1:
		row.Kind = settings.GetKind()
		row.Epoch = s.base + settings.GetGeneration()
		return false, nil
	case row.Kind == settings.GetKind():
		return false, nil
	case row.Window.FirstOffset == row.NextOffset && row.Keys == 0:
		row.Kind = settings.GetKind()
		return true, nil
	}
	return false, fault.New(fault.InvalidArgument, "the channel has events of the kind that it was of before its namespace was created").
		WithHint("use another channel, or wait until they have come of age; a state channel's keys have to be deleted")
}

// checkProducer returns whom to remember the publication of, or nil where it is not to be accepted; o says why.
func (s *Shard) checkProducer(o *Outcome, id ChannelID, p *weirpb.Publication, timeMs int64, settings *logpb.Settings) (*producer, error) {
	from, err := s.producer(ProducerID{Channel: id, Name: p.GetProducer()})
	if err != nil {
		return nil, err
	}
	var issuedMs int64
	if from.row == nil { // else it has been looked at before
		issued, err := identity.Parse(p.GetProducer())
		if err != nil {
			o.Fault = fault.From(err)
			return nil, nil
		}
		issuedMs = issued.UnixMilli()
	}
	age := int64(settings.GetDedupeAgeMs())
	switch sequence.Check(from.row, p.GetSequence(), issuedMs, timeMs, age) {
	case sequence.Accept:
		return from, nil
	case sequence.Duplicate:
		first, err := s.remembered(from, p.GetSequence())
		o.Offset, o.TimeMs, o.Duplicate = first.offset, first.timeMs, true
		return nil, err
	case sequence.Gap:
		o.Fault = gapFault(from.row.GetLastSequence(), p.GetSequence())
	case sequence.Expired:
		o.Fault = fault.New(fault.SequenceExpired, "publication %d is too old to tell whether it was accepted: the channel has had %d from this producer and remembers the last %d",
			p.GetSequence(), from.row.GetLastSequence(), sequence.Remembered).
			WithHint("look for it in the channel's history before publishing it again under a new number")
	case sequence.Unknown:
		o.Fault = fault.New(fault.ProducerExpired, "the channel does not know this producer, whose identity was issued more than %s ago or in the future: it may have been forgotten",
			time.Duration(age)*time.Millisecond).
			WithHint("open a new producer and begin at sequence 1; look in the channel's history for what may have been accepted")
	}
	return nil, nil
}

func gapFault(last, got uint64) *fault.Fault {
	return fault.New(fault.SequenceGap, "publication %d came before publication %d of the same producer", got, last+1).
		WithHint("send %d first; sequences are contiguous per producer and channel, from 1 on", last+1)
}

func newEvent(row *logpb.ChannelRow, timeMs int64, p *weirpb.Publication) *weirpb.Event {
	return &weirpb.Event{
		Offset: row.NextOffset, TimeMs: max(timeMs, row.LastTimeMs), Key: p.GetKey(), Payload: p.GetPayload(),
		ContentType: p.GetContentType(), Headers: p.GetHeaders(), Tombstone: p.GetTombstone(),
	}
}

// updateLatest counts the keys that have a value and refuses one too many.
func (s *Shard) updateLatest(ch *channel, settings *logpb.Settings, p *weirpb.Publication) (*fault.Fault, error) {
	s.key = appendLatest(s.key[:0], s.shard, ch.id, p.GetKey())
	there, changed := s.latest[string(s.key)]
	if !changed {
		err := s.store.View(func(r store.Reader) (err error) {
			there, err = r.Get(s.key, nil)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	switch lives := !p.GetTombstone(); {
	case lives && !there:
		if ch.row.Keys >= uint64(settings.GetKeys()) {
			return fault.New(fault.StateFull, "the channel has %d keys, as many as its namespace allows", ch.row.Keys).
				WithHint("delete keys with tombstones, or raise \"keys\" of the namespace"), nil
		}
		ch.row.Keys++
	case !lives && there:
		ch.row.Keys--
	}
	s.latest[string(s.key)] = !p.GetTombstone()
	return nil, nil
}

// storeEvent writes the event, moves the window and notes what comes of age when.
func (s *Shard) storeEvent(b *store.Batch, ch *channel, settings *logpb.Settings, e *weirpb.Event) error {
	s.key = appendEvent(s.key[:0], s.shard, ch.id, e.Offset)
	size, err := b.PutMessage(s.key, e)
	if err != nil {
		return err
	}
	if settings.GetKind() == weirpb.ChannelKind_CHANNEL_KIND_STATE {
		if err := s.storeLatest(b, ch, e); err != nil {
			return err
		}
	}
	row, limits := ch.row, window.LimitsOf(settings)
	row.NextOffset++
	row.LastTimeMs = e.TimeMs
	window.Append(row.Window, limits, e.Offset, uint64(size), e.TimeMs)
	s.touch(ch)
	return s.trim(b, ch, limits, e.TimeMs)
}

func (s *Shard) storeLatest(b *store.Batch, ch *channel, e *weirpb.Event) error {
	s.key = appendLatest(s.key[:0], s.shard, ch.id, e.Key)
	if e.Tombstone {
		return b.Delete(s.key)
	}
	_, err := b.PutMessage(s.key, e)
	return err
}
