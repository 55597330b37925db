package mesh

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"weir/proto/fault"
)

// metrics are those of METRICS.md.
type metrics struct {
	dials    *prometheus.CounterVec
	refused  *prometheus.CounterVec
	calls    *prometheus.CounterVec
	streams  prometheus.Gauge
	links    *linkCollector
	register prometheus.Registerer // nil: none
}

func newMetrics(m *Mesh) (*metrics, error) {
	x := &metrics{
		dials: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_mesh_dials_total", Help: "Attempts to connect to other nodes.",
		}, []string{"result"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_mesh_streams_refused_total", Help: "Streams of other nodes that were refused, by why.",
		}, []string{"reason"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_mesh_calls_total", Help: "Calls of other nodes that were answered, by code.",
		}, []string{"code"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_mesh_streams", Help: "Streams of Raft groups that are open.",
		}),
		links: newLinkCollector(m), register: m.cfg.Registerer,
	}
	if x.register == nil {
		return x, nil
	}
	var err error
	for _, c := range x.all() {
		err = errors.Join(err, x.register.Register(c))
	}
	return x, err
}

func (x *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{x.dials, x.refused, x.calls, x.streams, x.links}
}

func (x *metrics) unregister() {
	if x.register == nil {
		return
	}
	for _, c := range x.all() {
		x.register.Unregister(c)
	}
}

func (x *metrics) dialed(err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	x.dials.WithLabelValues(result).Inc()
}

func (x *metrics) answered(err error) {
	code := "ok"
	if err != nil {
		code = string(fault.CodeOf(err))
	}
	x.calls.WithLabelValues(code).Inc()
}

// A linkCollector tells of the connections that there are when it is asked.
type linkCollector struct {
	mesh        *Mesh
	connections *prometheus.Desc
	rtt         *prometheus.Desc
}

func newLinkCollector(m *Mesh) *linkCollector {
	node := []string{"node"}
	return &linkCollector{
		mesh: m,
		connections: prometheus.NewDesc("weir_mesh_connections",
			"Connections to a node: 0 while it can't be reached or nothing was to be said to it, 2 where both have dialled.", node, nil),
		rtt: prometheus.NewDesc("weir_mesh_rtt_seconds", "Smoothed round-trip time to a node.", node, nil),
	}
}

func (l *linkCollector) Describe(to chan<- *prometheus.Desc) {
	to <- l.connections
	to <- l.rtt
}

func (l *linkCollector) Collect(to chan<- prometheus.Metric) {
	for _, p := range l.mesh.everyPeer() {
		live := p.live()
		to <- prometheus.MustNewConstMetric(l.connections, prometheus.GaugeValue, float64(len(live)), p.node)
		if len(live) > 0 {
			rtt := live[0].conn.ConnectionStats().SmoothedRTT.Seconds()
			to <- prometheus.MustNewConstMetric(l.rtt, prometheus.GaugeValue, rtt, p.node)
		}
	}
}
