package transport

import (
	"github.com/prometheus/client_golang/prometheus"

	"weir/proto/fault"
)

// metrics are what METRICS.md lists.
type metrics struct {
	sessions    map[string]prometheus.Gauge   // by transport
	accepted    map[string]prometheus.Counter // by transport
	received    map[string]prometheus.Counter // by transport, bytes
	sent        map[string]prometheus.Counter // by transport, bytes
	newcomers   prometheus.Gauge
	retries     prometheus.Counter
	refusals    *prometheus.CounterVec // by code
	helloMissed prometheus.Counter
}

// refusalCodes are all that refusals can have, so that each is there from the start, as 0.
var refusalCodes = []fault.Code{fault.Draining, fault.TooManySessions, fault.PermissionDenied, fault.VersionMismatch}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	sessions := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "weir_transport_sessions", Help: "Connections that carry a session now.",
	}, []string{"transport"})
	accepted := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "weir_transport_accepted_total", Help: "Connections that were handed to a session.",
	}, []string{"transport"})
	received := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "weir_transport_received_bytes_total", Help: "Bytes of frames from clients.",
	}, []string{"transport"})
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "weir_transport_sent_bytes_total", Help: "Bytes of frames to clients.",
	}, []string{"transport"})
	m := &metrics{
		newcomers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_transport_newcomers", Help: "Connections whose client has not proved who it is.",
		}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_transport_retries_total", Help: "QUIC handshakes that had to validate their address first.",
		}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_transport_refused_total", Help: "Connections that were refused.",
		}, []string{"code"}),
		helloMissed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_transport_hello_timeouts_total", Help: "WebTransport sessions that opened no control stream in time.",
		}),
	}
	for _, collector := range []prometheus.Collector{
		sessions, accepted, received, sent, m.newcomers, m.retries, m.refusals, m.helloMissed,
	} {
		if err := registerer.Register(collector); err != nil {
			return nil, err
		}
	}
	m.sessions = byTransport(func(t string) prometheus.Gauge { return sessions.WithLabelValues(t) })
	m.accepted = byTransport(func(t string) prometheus.Counter { return accepted.WithLabelValues(t) })
	m.received = byTransport(func(t string) prometheus.Counter { return received.WithLabelValues(t) })
	m.sent = byTransport(func(t string) prometheus.Counter { return sent.WithLabelValues(t) })
	for _, code := range refusalCodes {
		m.refusals.WithLabelValues(string(code))
	}
	return m, nil
}

func byTransport[T any](of func(transport string) T) map[string]T {
	return map[string]T{WebTransport: of(WebTransport), WebSocket: of(WebSocket)}
}

func (m *metrics) refused(code fault.Code) { m.refusals.WithLabelValues(string(code)).Inc() }
