package ingest

import (
	"fmt"
	"testing"

	"weir/hub/internal/shard"
	"weir/proto/weirpb"
)

// TestRunsKeepEachChannelsOrder mixes the events of three channels, twice with the same runs.
func TestRunsKeepEachChannelsOrder(t *testing.T) {
	var r runs
	for range 2 {
		for i := range uint64(9) {
			id := shard.ChannelID{Tenant: 1, Name: fmt.Sprint("chat:", i*i%3)}
			r.add(id, &weirpb.Event{Offset: i})
			r.add(id, nil)
		}
		got := ""
		r.flush(func(id shard.ChannelID, events []*weirpb.Event) {
			got += id.Name
			for _, e := range events {
				got += fmt.Sprint(" ", e.GetOffset())
			}
			got += "; "
		})
		if want := "chat:0 0 3 6; chat:1 1 2 4 5 7 8; "; got != want {
			t.Errorf("emitted is %q, want %q", got, want)
		}
		r.flush(func(shard.ChannelID, []*weirpb.Event) { t.Error("something is emitted twice") })
	}
}
