package ca

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A collector tells of an identity when it is asked.
type collector struct {
	identity *Identity
	daysLeft *prometheus.Desc
	reloads  *prometheus.Desc
}

func newCollector(i *Identity) *collector {
	return &collector{
		identity: i,
		daysLeft: prometheus.NewDesc("weir_certificate_days_left",
			"Days until a certificate of this process, or an authority that it believes, expires.", []string{"certificate"}, nil),
		reloads: prometheus.NewDesc("weir_certificate_reloads_total",
			"Times that changed certificates were read.", []string{"result"}, nil),
	}
}

func (c *collector) Describe(to chan<- *prometheus.Desc) {
	to <- c.daysLeft
	to <- c.reloads
}

func (c *collector) Collect(to chan<- prometheus.Metric) {
	now := time.Now()
	told := map[string]bool{} // two authorities may have been made in the same minute
	for _, certificate := range c.identity.current.Load().all() {
		name := subject(certificate)
		if told[name] {
			continue
		}
		told[name] = true
		days := certificate.NotAfter.Sub(now).Hours() / 24
		to <- prometheus.MustNewConstMetric(c.daysLeft, prometheus.GaugeValue, days, name)
	}
	for result, n := range map[string]uint64{"ok": c.identity.reloads.Load(), "failed": c.identity.failed.Load()} {
		to <- prometheus.MustNewConstMetric(c.reloads, prometheus.CounterValue, float64(n), result)
	}
}

// Register exports the metrics of METRICS.md.
func (i *Identity) Register(to prometheus.Registerer) error {
	return errors.Join(to.Register(newCollector(i)), to.Register(i.refused))
}

// reasons are the labels of refused peers.
var reasons = []struct {
	err   error
	label string
}{
	{ErrExpired, "expired"},
	{ErrNotYetValid, "not_yet_valid"},
	{ErrAuthority, "other_authority"},
	{ErrRole, "wrong_role"},
	{ErrNode, "wrong_node"},
	{ErrMissing, "no_certificate"},
}

func reasonOf(err error) string {
	for _, reason := range reasons {
		if errors.Is(err, reason.err) {
			return reason.label
		}
	}
	return "other"
}

func newRefused() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "weir_certificate_refused_total", Help: "Connections of peers that were refused for their certificate, by why.",
	}, []string{"reason"})
}
