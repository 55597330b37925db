package hub

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"weir/hub/internal/metricstest"
	"weir/proto/weirpb"
)

// gather returns the metrics by name, with the values of those that have no labels.
func gather(t *testing.T, from *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		all[f.GetName()] = 0
		for _, m := range f.GetMetric() {
			all[f.GetName()] += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return all
}

func TestMetricsAreThoseThatAreListed(t *testing.T) {
	registry := prometheus.NewRegistry()
	withTenant(t, Config{Registerer: registry})
	metricstest.Listed(t, registry)
}

func TestMetricsCount(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := withTenant(t, Config{Registerer: registry, Shards: 1})
	from := newProducer()
	for range 2 {
		mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Producer: from, Sequence: 1})
	}
	mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Ack: weirpb.Ack_ACK_NONE})
	if _, err := publish(t, h, &weirpb.Publication{}); err == nil {
		t.Fatal("accepted")
	}
	v := newViewer(t)
	follow(t, h, "chat:a", nil, v)
	v.until("the description", func() bool { return len(v.described) == 1 })
	got := gather(t, registry)
	for name, want := range map[string]float64{
		"weir_hub_publishes_total": 4, "weir_hub_followers": 1, "weir_hub_channels_live": 1, "weir_hub_leader": 2,
		"weir_hub_tenants": 1, "weir_hub_failed": 0, "weir_hub_queue_events": 0, "weir_hub_batch_events": 2, "weir_hub_commit_seconds": 2,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if left := gather(t, registry); len(left) != 0 {
		t.Errorf("after the end there are %v", left)
	}
}
