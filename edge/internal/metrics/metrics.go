// Package metrics names what an edge counts. METRICS.md, three folders up, explains each to operators; a test keeps the
// two in step.
package metrics

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the metrics of one edge. All are safe for concurrent use.
type Metrics struct {
	Sessions      *prometheus.GaugeVec   // transport
	SessionsEnded *prometheus.CounterVec // cause: a fault's code, or "closed"
	Handshakes    *prometheus.CounterVec // result: "accepted" or a fault's code
	Refusals      *prometheus.CounterVec // code: of requests within a session
	BytesOut      *prometheus.CounterVec // kind: "data" or "control"
	WriteStall    prometheus.Histogram   // seconds
	Publishes     *prometheus.CounterVec // result: "accepted", "duplicate" or a fault's code
	Publish       prometheus.Histogram   // seconds

	Subscriptions prometheus.Gauge
	Channels      prometheus.Gauge
	Groups        prometheus.Gauge
	StateBytes    prometheus.Gauge
	FollowLosses  prometheus.Counter
	ControlIndex  prometheus.Gauge
	ControlLosses prometheus.Counter
	ControlLooks  *prometheus.CounterVec // result: "late", "current" or "failed"

	Events      prometheus.Counter
	Evaluations prometheus.Counter
	Verdicts    *prometheus.CounterVec // verdict: "match", "held" or "failed"
	Deliveries  prometheus.Counter
	Skips       prometheus.Counter
	Gaps        *prometheus.CounterVec // reason
	Resyncs     *prometheus.CounterVec // reason

	// Tenants says what the label "tenant" of the following is for a tenant.
	Tenants           Tenants
	FilterSeconds     *prometheus.CounterVec // tenant
	FilterFailures    *prometheus.CounterVec // tenant
	FilterSuspensions *prometheus.CounterVec // tenant
	FiltersOpen       prometheus.Gauge
	FilterMoves       *prometheus.CounterVec // result: "moved", "refused" or "retried"
	CanaryFailures    *prometheus.CounterVec // tenant

	FilterFuel         *prometheus.CounterVec // tenant
	FilterUpkeep       *prometheus.CounterVec // tenant; fuel
	FilterCalls        *prometheus.CounterVec // tenant
	FilterEvaluations  *prometheus.CounterVec // tenant
	FilterOutput       *prometheus.CounterVec // tenant; bytes
	FilterRefused      *prometheus.CounterVec // tenant
	FilterWaits        *prometheus.CounterVec // tenant; seconds
	FilterLinesDropped *prometheus.CounterVec // tenant
	TenantBytesOut     *prometheus.CounterVec // tenant
	FilterRechecks     *prometheus.CounterVec // result: "same", "differs", "undecided" or "dropped"
	FilterHistory      *prometheus.CounterVec // tenant
	Explanations       *prometheus.CounterVec // result: "explained" or a fault's code
	FilterReports      *prometheus.CounterVec // result: "taken" or a fault's code
}

// New makes the metrics and registers them.
func New(r prometheus.Registerer) (*Metrics, error) {
	b := builder{registerer: r}
	m := &Metrics{
		Sessions:      b.gaugeVec("sessions", "Clients connected.", "transport"),
		SessionsEnded: b.counterVec("sessions_ended_total", "Sessions that ended, by cause.", "cause"),
		Handshakes:    b.counterVec("handshakes_total", "Answers to a client's HELLO, by result.", "result"),
		Refusals:      b.counterVec("refusals_total", "Requests refused within sessions, by code.", "code"),
		BytesOut:      b.counterVec("bytes_out_total", "Bytes of frames handed to transports.", "kind"),
		WriteStall:    b.histogram("write_stall_seconds", "How long a write to a client was blocked.", 0.001, 4, 9),
		Publishes:     b.counterVec("publishes_total", "Publications of clients, by result.", "result"),
		Publish:       b.histogram("publish_seconds", "Time from a client's PUBLISH to its receipt.", 0.0005, 2.5, 11),

		Subscriptions: b.gauge("subscriptions", "Subscriptions open."),
		Channels:      b.gauge("channels", "Channels followed."),
		Groups:        b.gauge("groups", "Groups of subscriptions with equal channel, filters and params."),
		StateBytes:    b.gauge("state_bytes", "Bytes of state channels' events mirrored."),
		FollowLosses:  b.counter("follow_losses_total", "Times that following a channel was interrupted."),
		ControlIndex:  b.gauge("control_index", "Index of the control state that the edge knows."),
		ControlLosses: b.counter("control_losses_total", "Times that watching the control state was interrupted."),
		ControlLooks:  b.counterVec("control_looks_total", "Questions to the hub whether the control state is behind, by result.", "result"),

		Events:      b.counter("events_total", "Events received from the hub."),
		Evaluations: b.counter("evaluations_total", "Predicates (filter version and params) asked about an event."),
		Verdicts:    b.counterVec("verdicts_total", "What was decided about events for groups.", "verdict"),
		Deliveries:  b.counter("deliveries_total", "Items written to subscriptions."),
		Skips:       b.counter("skips_total", "Events that subscriptions were told their filters held back."),
		Gaps:        b.counterVec("gaps_total", "Gaps that subscriptions were told of.", "reason"),
		Resyncs:     b.counterVec("resyncs_total", "Snapshots sent anew to open subscriptions.", "reason"),

		FilterSeconds:     b.counterVec("filter_seconds_total", "Time spent in filters.", "tenant"),
		FilterFailures:    b.counterVec("filter_failures_total", "Filter calls that failed.", "tenant"),
		FilterSuspensions: b.counterVec("filter_suspensions_total", "Times that a failing filter was suspended.", "tenant"),
		FiltersOpen:       b.gauge("filters_open", "Filter modules ready to run."),
		FilterMoves:       b.counterVec("filter_moves_total", "Open subscriptions to be moved to other filter versions, by result.", "result"),
		CanaryFailures:    b.counterVec("canary_failures_total", "Canaries that failed and were ended.", "tenant"),
		FilterRechecks:    b.counterVec("filter_rechecks_total", "Sampled filter calls repeated on fresh instances, by result.", "result"),
		FilterHistory:     b.counterVec("filter_history_dependent_total", "Repeated filter calls that came out otherwise.", "tenant"),
		Explanations:      b.counterVec("explanations_total", "Events explained, by result.", "result"),
		FilterReports:     b.counterVec("filter_reports_total", "Reports to the hub of what filters have done, by result.", "result"),
	}
	m.measureUse(&b)
	return m, b.err
}

// measureUse makes the metrics of what tenants use.
func (m *Metrics) measureUse(b *builder) {
	m.FilterFuel = b.counterVec("filter_fuel_total", "Fuel that calls of filters have used.", "tenant")
	m.FilterUpkeep = b.counterVec("filter_upkeep_fuel_total", "Fuel of new instances and larger buffers.", "tenant")
	m.FilterCalls = b.counterVec("filter_calls_total", "Calls of filters.", "tenant")
	m.FilterEvaluations = b.counterVec("filter_evaluations_total", "Groups that calls of filters have decided about.", "tenant")
	m.FilterOutput = b.counterVec("filter_output_bytes_total", "Bytes that projections have answered.", "tenant")
	m.FilterRefused = b.counterVec("filter_refused_total", "Calls of filters refused for want of fuel.", "tenant")
	m.FilterWaits = b.counterVec("filter_wait_seconds_total", "Time that calls of filters have waited for fuel or a turn.", "tenant")
	m.FilterLinesDropped = b.counterVec("filter_log_lines_dropped_total", "Lines of filters not written to the log.", "tenant")
	m.TenantBytesOut = b.counterVec("tenant_bytes_out_total", "Bytes of batches handed to transports.", "tenant")
}

// builder makes collectors and keeps the first error of registering one.
type builder struct {
	registerer prometheus.Registerer
	err        error
}

const (
	namespace = "weir"
	subsystem = "edge"
)

func (b *builder) register(name string, c prometheus.Collector) {
	if err := b.registerer.Register(c); err != nil && b.err == nil {
		b.err = fmt.Errorf("register metric %s_%s_%s: %w", namespace, subsystem, name, err)
	}
}

func (b *builder) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
	b.register(name, g)
	return g
}

func (b *builder) gaugeVec(name, help, label string) *prometheus.GaugeVec {
	opts := prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}
	g := prometheus.NewGaugeVec(opts, []string{label})
	b.register(name, g)
	return g
}

func (b *builder) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
	b.register(name, c)
	return c
}

func (b *builder) counterVec(name, help, label string) *prometheus.CounterVec {
	opts := prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}
	c := prometheus.NewCounterVec(opts, []string{label})
	b.register(name, c)
	return c
}

// histogram makes one with count buckets from first seconds on, each factor times the one before.
func (b *builder) histogram(name, help string, first, factor float64, count int) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Subsystem: subsystem, Name: name, Help: help,
		Buckets: prometheus.ExponentialBuckets(first, factor, count),
	})
	b.register(name, h)
	return h
}
