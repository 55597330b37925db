// Package sieve runs a tenant's filter versions on an edge. A Sieve is one version in use: it counts what its calls cost,
// and suspends a filter that fails again and again, so that its tenant's channels, and no other's, bear the consequence.
package sieve

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/edge/internal/fuel"
	"weir/edge/internal/metrics"
	"weir/edge/internal/selfcheck"
	"weir/filters"
	"weir/proto/weirpb"
)

// A Module is what a Sieve needs of a *filters.Filter. Its errors are or wrap *fault.Fault.
type Module interface {
	Prepare(ctx context.Context, params []byte) (prepared []byte, err error)
	Interest(ctx context.Context, prepared []byte, dst []uint64) ([]uint64, error)
	Match(ctx context.Context, event []byte, set *filters.Set, verdicts filters.Bitmap) error
	Project(ctx context.Context, event, prepared, dst []byte) ([]byte, error)
	Recheck(ctx context.Context, s *filters.Sample) (*filters.Discrepancy, error)
	Explain(ctx context.Context, event, params []byte) (*weirpb.FilterExplanation, error)
	ExplainShown(ctx context.Context, x *weirpb.FilterExplanation, event, params []byte) ([]byte, error)
}

// Digest is the SHA-256 of a module as uploaded.
type Digest [32]byte

// String returns the first bytes in hexadecimal, as logs show them.
func (d Digest) String() string { return hex.EncodeToString(d[:6]) }

// An ID names a filter version. Two versions with the same module are different filters to their tenant, and so here.
type ID struct {
	Tenant, Name string
	Version      uint32
	Digest       Digest
}

// A Sieve is a filter version as an edge runs it. It is safe for concurrent use.
type Sieve struct {
	ID ID
	// Projects says whether the module decides what is shown of an event.
	Projects bool
	// Routes says whether the module has routing keys, so that Interest may be asked.
	Routes bool
	// OnSuspend, if set before the first use, is told each time that the filter is suspended. It must not block.
	OnSuspend func(ID)
	// Checker, if set before the first use, is handed a sample of the calls.
	Checker *selfcheck.Checker
	// Differences are those found while the version is a shadow.
	Differences Differences

	module   Module
	breaker  breaker
	seconds  prometheus.Counter
	failures failureLog
	unasked  failureLog
	counters counters
	history  prometheus.Counter
	log      *slog.Logger
}

// New returns a Sieve for an opened module.
func New(id ID, module Module, projects bool, m *metrics.Metrics, log *slog.Logger) *Sieve {
	tenant := m.Tenants.Label(id.Tenant)
	log = log.With("tenant", id.Tenant, "filter", id.Name, "version", id.Version, "digest", id.Digest.String())
	return &Sieve{
		ID: id, Projects: projects, module: module,
		breaker: breaker{log: log, suspensions: m.FilterSuspensions.WithLabelValues(tenant)},
		seconds: m.FilterSeconds.WithLabelValues(tenant),
		history: m.FilterHistory.WithLabelValues(tenant), log: log,
		failures: failureLog{
			log: log, says: "filter failed", counter: m.FilterFailures.WithLabelValues(tenant),
		},
		unasked: failureLog{log: log, says: "filter not asked: the failure policy decides"},
	}
}

// Prepare has the filter check a subscriber's params. A refusal is the subscriber's fault and not counted as the
// filter's.
func (s *Sieve) Prepare(ctx context.Context, params []byte) ([]byte, error) {
	start := time.Now()
	prepared, err := s.module.Prepare(ctx, params)
	s.seconds.Add(time.Since(start).Seconds())
	if err != nil && ctx.Err() == nil && !errors.Is(err, fuel.ErrExhausted) {
		s.counters.refused.Add(1)
	}
	return prepared, err
}

// Match has the filter decide about one event for all groups of a set; see filters.Filter. While the filter is suspended
// it returns ErrSuspended at once.
func (s *Sieve) Match(ctx context.Context, event []byte, set *filters.Set, verdicts filters.Bitmap) error {
	start := time.Now()
	if !s.breaker.allows(start) {
		verdicts.Reset()
		return ErrSuspended
	}
	err := s.module.Match(ctx, event, set, verdicts)
	if err == nil {
		s.counters.decided(set, verdicts)
		s.sample(event, set, verdicts)
	}
	s.account(ctx, start, err)
	return err
}

// Project appends what a group with these prepared params is shown of an event.
func (s *Sieve) Project(ctx context.Context, event, prepared, dst []byte) ([]byte, error) {
	start := time.Now()
	if !s.breaker.allows(start) {
		return dst, ErrSuspended
	}
	out, err := s.module.Project(ctx, event, prepared, dst)
	s.account(ctx, start, err)
	if err != nil {
		return dst, err
	}
	return out, nil
}

func (s *Sieve) account(ctx context.Context, start time.Time, err error) {
	now := time.Now()
	s.seconds.Add(now.Sub(start).Seconds())
	s.counters.calls.Add(1)
	if err != nil && ctx.Err() != nil {
		return // ended from outside: says nothing about the filter
	}
	if errors.Is(err, fuel.ErrExhausted) {
		s.counters.unasked.Add(1)
		s.unasked.record(now, err)
		return // it was not asked
	}
	if err != nil {
		s.counters.failures.Add(1)
		s.failures.record(now, err)
	}
	if s.breaker.report(now, err) {
		s.counters.suspensions.Add(1)
		if s.OnSuspend != nil {
			s.OnSuspend(s.ID)
		}
	}
}

// Explain is that of the module; it counts as no use.
func (s *Sieve) Explain(ctx context.Context, event, params []byte) (*weirpb.FilterExplanation, error) {
	return s.module.Explain(ctx, event, params)
}

// ExplainShown is that of the module; it counts as no use.
func (s *Sieve) ExplainShown(ctx context.Context, x *weirpb.FilterExplanation, event, params []byte) ([]byte, error) {
	return s.module.ExplainShown(ctx, x, event, params)
}

// Counts returns what the version has done.
func (s *Sieve) Counts() Counts {
	c := &s.counters
	differences, _ := s.Differences.Noted()
	var used filters.Usage
	if m, counts := s.module.(interface{ Usage() filters.Usage }); counts {
		used = m.Usage()
	}
	return Counts{
		Unasked: c.unasked.Load(), Fuel: used.Fuel, Upkeep: used.Upkeep,
		Calls: c.calls.Load(), Evaluations: c.evaluations.Load(), Matches: c.matches.Load(), Failures: c.failures.Load(),
		Refused: c.refused.Load(), Suspensions: c.suspensions.Load(), Suspended: !s.breaker.allows(time.Now()),
		Rechecked: c.rechecked.Load(), HistoryDependent: c.historyDependent.Load(),
		Compared: s.Differences.Compared.Load(), Differences: differences,
	}
}
