package hub

import (
	"context"

	"weir/hub/internal/control"
	"weir/hub/internal/shard"
	"weir/proto/logpb"
)

const (
	// sweepRows is how many rows one entry trims: with the longest names it stays below 256 KiB.
	sweepRows = 512
	// sweepEntries is how many entries one tick may take, so that publications go on between.
	sweepEntries = 64
)

// sweep trims what has come of age on a shard. Where nothing has, nothing is written.
func (h *Hub) sweep(ctx context.Context, p *shardPart) error {
	now := h.config.Now().UnixMilli()
	for range sweepEntries {
		due, err := p.reader.Due(now, sweepRows)
		if err != nil || len(due) == 0 {
			return err
		}
		trim := trimOf(h.control.State(), due)
		if len(trim.GetDue()) == 0 {
			return nil // this node has yet to hear of what all of them belong to
		}
		entry := &logpb.Entry{Command: &logpb.Entry_Trim{Trim: trim}}
		if _, err := p.group.propose(ctx, entry); err != nil {
			return err
		}
		h.metrics.trims.Inc()
	}
	return nil
}

// trimOf gives what is due the settings of its namespace. It leaves out what belongs to a tenant or a namespace that this
// node has not heard of yet.
func trimOf(state *control.State, due []shard.DueRow) *logpb.Trim {
	trim := &logpb.Trim{}
	numbers := map[*logpb.Settings]uint32{}
	for _, d := range due {
		s, known := settingsOf(state, d.ID.Channel)
		if !known {
			continue
		}
		row := &logpb.Due{
			DueMs: d.DueMs, TenantId: d.ID.Channel.Tenant, Channel: d.ID.Channel.Name, Producer: d.ID.Name,
		}
		if s != nil {
			if numbers[s] == 0 {
				trim.Settings = append(trim.Settings, s)
				numbers[s] = uint32(len(trim.Settings))
			}
			row.Settings = numbers[s]
		}
		trim.Due = append(trim.Due, row)
	}
	return trim
}

// settingsOf returns a channel's settings, nil if its tenant is gone; and whether that is known.
func settingsOf(state *control.State, id shard.ChannelID) (s *logpb.Settings, known bool) {
	t := state.TenantByID(id.Tenant)
	if t == nil {
		return nil, id.Tenant <= state.Meta.GetLastTenantId()
	}
	_, called := t.NamespaceOf(id.Name)
	s = t.Settings[called]
	return s, s != nil
}
