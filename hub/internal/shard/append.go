package shard

import (
	"time"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/entry"
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

// Append orders publications and appends their outcomes to out, one each. An error is a failure of this node, after which
// what is in memory is no state.
func (s *Shard) Append(timeMs int64, c *entry.Append, out []Outcome) ([]Outcome, error) {
	for i := range c.Publications {
		p := &c.Publications[i]
		if p.Settings < 0 {
			out = append(out, Outcome{Fault: fault.New(fault.Internal, "the log has a publication without settings")})
			continue
		}
		o, err := s.appendOne(timeMs, c.Settings[p.Settings], p)
		if err != nil {
			return out, err
		}
		out = append(out, o)
	}
	return out, nil
}

func (s *Shard) appendOne(timeMs int64, settings *logpb.Settings, p *entry.Publication) (o Outcome, err error) {
	if tenant := settings.GetTenantId(); s.isDropped(tenant) {
		o.Channel = ChannelID{Tenant: tenant, Name: string(p.Channel)}
		o.Fault = fault.New(fault.TenantUnknown, "the tenant has been deleted")
		return o, nil
	}
	ch, err := s.channel(settings.GetTenantId(), p.Channel)
	if err != nil {
		return o, err
	}
	o.Channel = ch.id
	if o.KindChanged, o.Fault = s.describe(ch.row, settings); o.Fault != nil {
		return o, nil
	}
	if o.KindChanged {
		s.touch(ch)
	}
	o.Epoch = ch.row.Epoch

	var from *producer
	if len(p.Producer) > 0 {
		if from, err = s.checkProducer(&o, p, timeMs, settings); err != nil || from == nil {
			return o, err
		}
	}
	state := settings.GetKind() == weirpb.ChannelKind_CHANNEL_KIND_STATE
	if state {
		if o.Fault, err = s.countKey(ch, settings, p); err != nil || o.Fault != nil {
			return o, err
		}
	}
	o.Offset, o.TimeMs = ch.row.NextOffset, max(timeMs, ch.row.LastTimeMs)
	row := s.addEvent(ch, window.LimitsOf(settings), p, o.TimeMs)
	if state {
		s.setLatest(ch, p, row)
	}
	if from != nil {
		s.accepted(from, p.Sequence, outcome{o.Offset, o.TimeMs}, int64(settings.GetDedupeAgeMs()))
	}
	if s.followed == nil || s.followed(ch.id) {
		o.Event = &weirpb.Event{}
		err = proto.Unmarshal(row[store.SealBytes:], o.Event)
	}
	return o, err
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
func (s *Shard) checkProducer(o *Outcome, p *entry.Publication, timeMs int64, settings *logpb.Settings) (*producer, error) {
	from, err := s.producer(o.Channel, p.Producer)
	if err != nil {
		return nil, err
	}
	var issuedMs int64
	if from.last == 0 { // else it has been looked at before
		issued, err := identity.Parse(from.id.Name)
		if err != nil {
			o.Fault = fault.From(err)
			return nil, nil
		}
		issuedMs = issued.UnixMilli()
	}
	age := int64(settings.GetDedupeAgeMs())
	switch sequence.Check(from.last, p.Sequence, issuedMs, timeMs, age) {
	case sequence.Accept:
		return from, nil
	case sequence.Duplicate:
		first, err := s.remembered(from, p.Sequence)
		o.Offset, o.TimeMs, o.Duplicate = first.offset, first.timeMs, true
		return nil, err
	case sequence.Gap:
		o.Fault = gapFault(from.last, p.Sequence)
	case sequence.Expired:
		o.Fault = fault.New(fault.SequenceExpired, "publication %d is too old to tell whether it was accepted: the channel has had %d from this producer and remembers the last %d",
			p.Sequence, from.last, sequence.Remembered).
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

// countKey counts the keys that have a value and refuses one too many.
func (s *Shard) countKey(ch *channel, settings *logpb.Settings, p *entry.Publication) (*fault.Fault, error) {
	there, err := s.hasValue(ch, p.Key)
	if err != nil {
		return nil, err
	}
	switch lives := !p.Tombstone; {
	case lives && !there:
		if ch.row.Keys >= uint64(settings.GetKeys()) {
			return fault.New(fault.StateFull, "the channel has %d keys, as many as its namespace allows", ch.row.Keys).
				WithHint("delete keys with tombstones, or raise \"keys\" of the namespace"), nil
		}
		ch.row.Keys++
	case !lives && there:
		ch.row.Keys--
	}
	return nil, nil
}

func (s *Shard) hasValue(ch *channel, key []byte) (there bool, err error) {
	if row, changed := ch.latest[string(key)]; changed {
		return row != nil, nil
	}
	s.key = appendLatest(s.key[:0], s.shard, ch.id, key)
	err = s.store.Peek(func(r store.Reader) (err error) {
		there, err = r.Get(s.key, nil)
		return err
	})
	return there, err
}

// setLatest notes the row of an event as that of its key.
func (s *Shard) setLatest(ch *channel, p *entry.Publication, row []byte) {
	if ch.latest == nil {
		ch.latest = map[string][]byte{}
	}
	if p.Tombstone {
		row = nil
	}
	ch.latest[string(p.Key)] = row
	s.pending.bytes += len(p.Key) + len(row) + overheadBytes
}

// addEvent makes an event of a publication, moves the window and notes what comes of age when. It returns the event's row.
func (s *Shard) addEvent(ch *channel, limits window.Limits, p *entry.Publication, timeMs int64) []byte {
	row := p.AppendEvent(s.room(store.SealBytes + p.EventBytes())[:store.SealBytes], ch.row.NextOffset, timeMs)
	s.keep(len(row), eventBytes)
	s.touch(ch)
	ch.events = append(ch.events, row)
	window.Append(ch.row.Window, limits, ch.row.NextOffset, uint64(len(row)-store.SealBytes), timeMs)
	ch.row.NextOffset++
	ch.row.LastTimeMs = timeMs
	s.trim(ch, limits, timeMs)
	return row
}
