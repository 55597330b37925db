package hub

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// A gauge is read from the hub when it is asked for.
type gauge struct {
	desc *prometheus.Desc
	read func() float64
}

// A groupGauge is read of each group. Its label is the group's number.
type groupGauge struct {
	desc *prometheus.Desc
	read func(*group) float64
}

// gauges are what is read from the hub when it is asked for. There are none before the node takes part in its region.
type gauges struct {
	hub      *Hub
	ofNode   []gauge
	ofGroups []groupGauge
}

var _ prometheus.Collector = (*gauges)(nil)

func newGauges(h *Hub) *gauges {
	g := &gauges{hub: h}
	overShards := func(read func(*shardPart) float64) func() float64 {
		return func() (sum float64) {
			for _, p := range h.shards {
				sum += read(p)
			}
			return sum
		}
	}
	g.node("weir_hub_queue_events", "Publications that wait for being packed.",
		overShards(func(p *shardPart) float64 { n, _ := p.ingest.Depth(); return float64(n) }))
	g.node("weir_hub_queue_bytes", "Bytes of the publications that wait for being packed.",
		overShards(func(p *shardPart) float64 { _, n := p.ingest.Depth(); return float64(n) }))
	g.node("weir_hub_channels_live", "Channels that are followed or were lately.",
		overShards(func(p *shardPart) float64 { return float64(p.feeds.Live()) }))
	g.node("weir_hub_followers", "Feeds that are open.",
		overShards(func(p *shardPart) float64 { return float64(p.feeds.Followers()) }))
	g.node("weir_hub_feed_bytes", "Bytes of the events that live channels have in memory, roughly.",
		func() float64 { return float64(h.feeds.Used()) })
	g.node("weir_hub_tenants", "Tenants.", func() float64 { return float64(len(h.control.State().Tenants)) })
	g.node("weir_hub_disk_full", "1 while publications are refused because the disk has no room.",
		func() float64 { return oneIf(h.room.Full()) })
	g.node("weir_hub_disk_free_bytes", "Bytes that are free on the data folder's disk.",
		func() float64 { return float64(h.room.Free()) })
	g.group("weir_hub_group_out", "1 while this node takes no part in the group, or has no state of it: its data are corrupt, or its disk is full or has failed.",
		func(g *group) float64 { return oneIf(g.replica.Parked() || g.ailing() != "") })
	g.group("weir_hub_verified_timestamp_seconds", "When all that is on disk was last read without finding damage, in Unix seconds; 0 for never.",
		func(g *group) float64 { return float64(g.verification.get().GetFinishedMs()) / 1000 })
	g.group("weir_hub_verify_unread_bytes", "Bytes that the verification under way has yet to read.",
		func(g *group) float64 {
			v := g.verification.get()
			return float64(v.GetTotalBytes() - v.GetDoneBytes())
		})
	g.group("weir_hub_snapshot_unsent_bytes", "Bytes of snapshots that are being sent to other nodes and have yet to be.",
		func(g *group) (sum float64) {
			for _, f := range g.replica.Feeds() {
				sum += float64(f.Size - f.Sent)
			}
			return sum
		})
	g.group("weir_hub_store_bytes", "Bytes that the state takes on disk: windows, keys, producers, control state.",
		func(g *group) float64 { return float64(g.store.Size()) })
	g.group("weir_hub_raft_term", "Raft's term.", func(g *group) float64 { return float64(g.replica.Term()) })
	g.group("weir_hub_raft_applied_index", "Index of the last entry that has been applied.",
		func(g *group) float64 { return float64(g.machine.Applied()) })
	g.group("weir_hub_leader", "1 while this node leads the group and serves.",
		func(g *group) float64 { return oneIf(g.lead.leads()) })
	return g
}

func oneIf(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

func (g *gauges) node(name, help string, read func() float64) {
	g.ofNode = append(g.ofNode, gauge{prometheus.NewDesc(name, help, nil, nil), read})
}

func (g *gauges) group(name, help string, read func(*group) float64) {
	g.ofGroups = append(g.ofGroups, groupGauge{prometheus.NewDesc(name, help, []string{"group"}, nil), read})
}

// Describe lists them.
func (g *gauges) Describe(to chan<- *prometheus.Desc) {
	for _, x := range g.ofNode {
		to <- x.desc
	}
	for _, x := range g.ofGroups {
		to <- x.desc
	}
}

// Collect reads them.
func (g *gauges) Collect(to chan<- prometheus.Metric) {
	if !g.hub.status.takes() {
		return
	}
	for _, x := range g.ofNode {
		to <- prometheus.MustNewConstMetric(x.desc, prometheus.GaugeValue, x.read())
	}
	for _, x := range g.ofGroups {
		for _, part := range g.hub.groups {
			label := strconv.Itoa(int(part.id))
			to <- prometheus.MustNewConstMetric(x.desc, prometheus.GaugeValue, x.read(part), label)
		}
	}
}
