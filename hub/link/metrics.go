package link

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"weir/proto/fault"
)

// metrics are those of a hub in METRICS.md.
type metrics struct {
	edges      prometheus.Gauge
	streams    *prometheus.GaugeVec
	requests   *prometheus.CounterVec
	publishes  *prometheus.CounterVec
	accepted   prometheus.Counter // of publishes
	inFlight   prometheus.Gauge
	violations prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		edges: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_link_edges", Help: "Edges connected to this hub now.",
		}),
		streams: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "weir_link_streams", Help: "Requests of edges being answered now, by request.",
		}, []string{"request"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_link_requests_total", Help: "Requests of edges that have ended, by request and code.",
		}, []string{"request", "code"}),
		publishes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_link_publishes_total", Help: "Publications of edges, by code.",
		}, []string{"code"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_link_publishes_in_flight", Help: "Publications of edges that have not been answered yet.",
		}),
		violations: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_link_violations_total", Help: "Connections closed because an edge broke the protocol.",
		}),
	}
	m.accepted = m.publishes.WithLabelValues(label(nil))
	if registerer == nil {
		return m, nil
	}
	return m, errors.Join(registerer.Register(m.edges), registerer.Register(m.streams), registerer.Register(m.requests),
		registerer.Register(m.publishes), registerer.Register(m.inFlight), registerer.Register(m.violations))
}

func (m *metrics) answered(request string, f *fault.Fault) {
	m.requests.WithLabelValues(request, label(f)).Inc()
}

func (m *metrics) published(f *fault.Fault) {
	if f == nil {
		m.accepted.Inc()
		return
	}
	m.publishes.WithLabelValues(label(f)).Inc()
}

func label(f *fault.Fault) string {
	if f == nil {
		return "ok"
	}
	return string(f.Code)
}
