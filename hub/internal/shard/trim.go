package shard

import (
	"slices"

	"weir/hub/internal/window"
	"weir/proto/logpb"
)

// Trim drops what has come of age. The command lists rows of the index of what is due; each is gone afterwards, or stands
// there anew under a later time.
func (s *Shard) Trim(timeMs int64, c *logpb.Trim) error {
	for _, due := range c.GetDue() {
		if err := s.trimDue(timeMs, c.GetSettings(), due); err != nil {
			return err
		}
	}
	return nil
}

func (s *Shard) trimDue(timeMs int64, all []*logpb.Settings, due *logpb.Due) error {
	id := ProducerID{Channel: ChannelID{Tenant: due.GetTenantId(), Name: due.GetChannel()}, Name: due.GetProducer()}
	s.setDue(due.GetDueMs(), id, false)
	if due.GetSettings() == 0 || int(due.GetSettings()) > len(all) || s.isDropped(id.Channel.Tenant) {
		return nil
	}
	settings := all[due.GetSettings()-1]
	if id.Name != "" {
		return s.forget(due, id, timeMs, int64(settings.GetDedupeAgeMs()))
	}
	ch, err := s.channel(id.Channel.Tenant, []byte(id.Channel.Name))
	if err != nil || ch.row.DueMs != due.GetDueMs() {
		return err
	}
	ch.row.DueMs = 0
	s.touch(ch)
	s.trim(ch, window.LimitsOf(settings), timeMs)
	return nil
}

// trim moves the beginning of a channel's window and keeps its row in the index of what is due.
func (s *Shard) trim(ch *channel, limits window.Limits, timeMs int64) {
	row := ch.row
	window.Trim(row.Window, limits, timeMs)
	if kept := row.NextOffset - row.Window.FirstOffset; uint64(len(ch.events)) > kept { // others need not be written at all
		ch.events = slices.Delete(ch.events, 0, len(ch.events)-int(kept))
	}
	next := window.Due(row.Window, limits)
	if next == 0 || row.DueMs != 0 && row.DueMs <= next {
		return
	}
	id := ProducerID{Channel: ch.id}
	if row.DueMs != 0 { // the namespace's age has become less
		s.setDue(row.DueMs, id, false)
	}
	row.DueMs = next
	s.setDue(next, id, true)
}
