package ingest

import (
	"weir/hub/internal/shard"
	"weir/proto/weirpb"
)

// runs collect an entry's events by channel, so that the followers of each are woken once: the events of busy channels stand
// among each other's. Followers are promised an order within a channel alone.
type runs struct {
	all []run                   // by their channels' first events
	of  map[shard.ChannelID]int // a channel's place in all
}

type run struct {
	channel shard.ChannelID
	events  []*weirpb.Event
}

// add takes an event, which is nil for what added none.
func (r *runs) add(channel shard.ChannelID, e *weirpb.Event) {
	if e == nil {
		return
	}
	n, ok := len(r.all)-1, len(r.all) > 0 && r.all[len(r.all)-1].channel == channel
	if !ok {
		n, ok = r.of[channel]
	}
	if !ok {
		n = len(r.all)
		if r.of == nil {
			r.of = map[shard.ChannelID]int{}
		}
		r.of[channel] = n
		r.all = append(r.all, run{channel: channel})
	}
	r.all[n].events = append(r.all[n].events, e)
}

// flush emits what has been added, and forgets it.
func (r *runs) flush(emit func(shard.ChannelID, []*weirpb.Event)) {
	for _, one := range r.all {
		emit(one.channel, one.events)
	}
	clear(r.all)
	r.all = r.all[:0]
	clear(r.of)
}
