package api

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/proto/fault"
)

// metrics are those of METRICS.md.
type metrics struct {
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	inFlight  prometheus.Gauge
	publishes *prometheus.CounterVec
}

// codeOK is the label of what was not refused.
const codeOK = "ok"

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_api_requests_total", Help: "Calls of the server API, by method and code.",
		}, []string{"method", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "weir_api_request_seconds", Help: "How long calls of the server API took, by method.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30},
		}, []string{"method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_api_requests_in_flight", Help: "Calls of the server API being served now.",
		}),
		publishes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_api_publishes_total", Help: "Events handed in through the server API, by code.",
		}, []string{"code"}),
	}
	if registerer == nil {
		return m, nil
	}
	return m, errors.Join(registerer.Register(m.requests), registerer.Register(m.seconds),
		registerer.Register(m.inFlight), registerer.Register(m.publishes))
}

func (m *metrics) observe(method string, refusal *fault.Fault, took time.Duration) {
	m.requests.WithLabelValues(method, label(refusal)).Inc()
	m.seconds.WithLabelValues(method).Observe(took.Seconds())
}

func (m *metrics) published(refusal *fault.Fault) {
	m.publishes.WithLabelValues(label(refusal)).Inc()
}

func label(refusal *fault.Fault) string {
	if refusal == nil {
		return codeOK
	}
	return string(refusal.Code)
}
