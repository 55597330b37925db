package shard

import (
	"weir/hub/internal/store"
	"weir/hub/internal/window"
	"weir/proto/logpb"
)

// Trim drops what has come of age. The command lists rows of the index of what is due; each is gone afterwards, or stands
// there anew under a later time.
func (s *Shard) Trim(b *store.Batch, timeMs int64, c *logpb.Trim) error {
	for _, due := range c.GetDue() {
		if err := s.trimDue(b, timeMs, c.GetSettings(), due); err != nil {
			return err
		}
	}
	return nil
}

func (s *Shard) trimDue(b *store.Batch, timeMs int64, all []*logpb.Settings, due *logpb.Due) error {
	id := ProducerID{Channel: ChannelID{Tenant: due.GetTenantId(), Name: due.GetChannel()}, Name: due.GetProducer()}
	if err := b.Delete(appendDue(nil, s.shard, due.GetDueMs(), id)); err != nil {
		return err
	}
	if due.GetSettings() == 0 || int(due.GetSettings()) > len(all) || s.isDropped(id.Channel.Tenant) {
		return nil
	}
	settings := all[due.GetSettings()-1]
	if id.Name != "" {
		return s.forget(b, due, id, timeMs, int64(settings.GetDedupeAgeMs()))
	}
	ch, err := s.channel(id.Channel)
	if err != nil || ch.row.DueMs != due.GetDueMs() {
		return err
	}
	ch.row.DueMs = 0
	s.touch(ch)
	return s.trim(b, ch, window.LimitsOf(settings), timeMs)
}

// trim moves the beginning of a channel's window and keeps its row in the index of what is due.
func (s *Shard) trim(b *store.Batch, ch *channel, limits window.Limits, timeMs int64) error {
	row := ch.row
	from := row.Window.FirstOffset
	window.Trim(row.Window, limits, timeMs)
	if to := row.Window.FirstOffset; to > from {
		err := b.DeleteRange(appendEvent(nil, s.shard, ch.id, from), appendEvent(nil, s.shard, ch.id, to))
		if err != nil {
			return err
		}
	}
	next := window.Due(row.Window, limits)
	if next == 0 || row.DueMs != 0 && row.DueMs <= next {
		return nil
	}
	id := ProducerID{Channel: ch.id}
	if row.DueMs != 0 { // the namespace's age has become less
		if err := b.Delete(appendDue(nil, s.shard, row.DueMs, id)); err != nil {
			return err
		}
	}
	row.DueMs = next
	return b.Put(appendDue(nil, s.shard, next, id), nil)
}
