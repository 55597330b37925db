package hubclient

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"weir/proto/fault"
)

// metrics are those of a client in hub/link/METRICS.md.
type metrics struct {
	up        prometheus.Gauge
	nodes     prometheus.Gauge
	connects  *prometheus.CounterVec
	streams   *prometheus.GaugeVec
	publishes *prometheus.CounterVec
	accepted  prometheus.Counter // of publishes
	resent    prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer, outstanding func() int) (*metrics, error) {
	m := &metrics{
		up: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_link_client_up", Help: "1 while this edge is connected to a node of its hub, else 0.",
		}),
		nodes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_link_client_nodes", Help: "Nodes of the hub that this edge is connected to now.",
		}),
		connects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_link_client_connects_total", Help: "Attempts to connect to the hub, by result: ok or failed.",
		}, []string{"result"}),
		streams: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "weir_link_client_streams", Help: "Requests to the hub that are open now, by request.",
		}, []string{"request"}),
		publishes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_link_client_publishes_total", Help: "Publications answered or given up, by code.",
		}, []string{"code"}),
		resent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_link_client_publishes_resent_total", Help: "Publications sent again after a lost connection or a change of the leader.",
		}),
	}
	m.accepted = m.publishes.WithLabelValues("ok")
	if registerer == nil {
		return m, nil
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "weir_link_client_publishes_outstanding", Help: "Publications that wait for the hub's answer.",
	}, func() float64 { return float64(outstanding()) })
	return m, errors.Join(registerer.Register(m.up), registerer.Register(m.nodes), registerer.Register(m.connects), registerer.Register(m.streams),
		registerer.Register(m.publishes), registerer.Register(m.resent), registerer.Register(waiting))
}

func (m *metrics) connected(err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.connects.WithLabelValues(result).Inc()
}

func (m *metrics) published(f *fault.Fault) {
	if f == nil {
		m.accepted.Inc()
		return
	}
	m.publishes.WithLabelValues(string(f.Code)).Inc()
}

func boolGauge(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
