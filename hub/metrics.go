package hub

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// Results of publications beside the codes of faults.
const (
	resultAccepted  = "accepted"
	resultDuplicate = "duplicate"
	resultEphemeral = "ephemeral"
)

// metrics are listed in METRICS.md.
type metrics struct {
	publishes   *prometheus.CounterVec
	commit      prometheus.Histogram
	batchEvents prometheus.Histogram
	batchBytes  prometheus.Histogram
	caughtUp    prometheus.Counter
	trims       prometheus.Counter
	corruption  prometheus.Counter
	quarantines prometheus.Counter
	failed      prometheus.Gauge

	// accepted, duplicate and ephemeral are of publishes: looking them up would cost more than counting.
	accepted, duplicate, ephemeral prometheus.Counter

	registered []prometheus.Collector
}

func newMetrics() *metrics {
	m := &metrics{
		publishes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_hub_publishes_total", Help: "Publications by what became of them: accepted, duplicate, ephemeral or the code of the fault.",
		}, []string{"result"}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weir_hub_commit_seconds", Help: "Time from packing an entry to its being durable, applied and answered.",
			Buckets: prometheus.ExponentialBuckets(0.0002, 2, 16),
		}),
		batchEvents: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weir_hub_batch_events", Help: "Publications in an entry of the Raft log.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 13),
		}),
		batchBytes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weir_hub_batch_bytes", Help: "Bytes of an entry of the Raft log that has publications.",
			Buckets: prometheus.ExponentialBuckets(128, 2, 12),
		}),
		caughtUp: counter("weir_hub_feed_stored_events_total", "Events that lagging followers were given from the store."),
		trims:    counter("weir_hub_trims_total", "Entries that trimmed what had come of age."),
		corruption: counter("weir_hub_store_corruption_total",
			"Stored rows that were found corrupt. Anything but 0 needs an operator."),
		quarantines: counter("weir_hub_quarantines_total",
			"Times that what this node had of a group was set aside as corrupt, to be rebuilt from the others."),
		failed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_hub_failed", Help: "1 once the state machine has stopped and the hub serves no longer.",
		}),
	}
	m.accepted = m.publishes.WithLabelValues(resultAccepted)
	m.duplicate = m.publishes.WithLabelValues(resultDuplicate)
	m.ephemeral = m.publishes.WithLabelValues(resultEphemeral)
	return m
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func (m *metrics) register(h *Hub) error {
	for _, c := range []prometheus.Collector{
		m.publishes, m.commit, m.batchEvents, m.batchBytes, m.caughtUp, m.trims, m.corruption, m.quarantines, m.failed, newGauges(h),
	} {
		if err := h.config.Registerer.Register(c); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
		m.registered = append(m.registered, c)
	}
	return nil
}

func (m *metrics) unregister(from prometheus.Registerer) {
	for _, c := range m.registered {
		from.Unregister(c)
	}
}

func (m *metrics) refused(code fault.Code) { m.publishes.WithLabelValues(string(code)).Inc() }

func (m *metrics) published(r *weirpb.Receipt, err error) {
	switch {
	case err != nil:
		m.refused(fault.CodeOf(err))
	case r.GetDuplicate():
		m.duplicate.Inc()
	case r.GetOffset() == 0:
		m.ephemeral.Inc()
	default:
		m.accepted.Inc()
	}
}
