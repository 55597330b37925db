package private

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func get(t *testing.T, h http.Handler, path string) (status int, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestReadinessNamesWhatIsMissing(t *testing.T) {
	var hub error
	h := Handler(prometheus.NewRegistry(),
		Check{"edge", func(context.Context) error { return nil }},
		Check{"hub", func(context.Context) error { return hub }},
	)
	if status, body := get(t, h, "/readyz"); status != http.StatusOK || body != "edge: ok\nhub: ok\n" {
		t.Errorf("ready: %d %q", status, body)
	}
	hub = errors.New("no leader")
	if status, body := get(t, h, "/readyz"); status != http.StatusServiceUnavailable || body != "edge: ok\nhub: no leader\n" {
		t.Errorf("not ready: %d %q", status, body)
	}
	if status, _ := get(t, h, "/healthz"); status != http.StatusOK {
		t.Errorf("healthz: %d while not ready", status)
	}
}

func TestReadinessIsBounded(t *testing.T) {
	h := Handler(prometheus.NewRegistry(), Check{"hub", func(ctx context.Context) error {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("no deadline")
		}
		return ctx.Err()
	}})
	if status, body := get(t, h, "/readyz"); status != http.StatusOK {
		t.Errorf("%d %q", status, body)
	}
}

func TestMetricsAndProfiles(t *testing.T) {
	registry := prometheus.NewRegistry()
	count := prometheus.NewCounter(prometheus.CounterOpts{Name: "weir_test_total", Help: "Counts."})
	registry.MustRegister(count)
	count.Inc()
	h := Handler(registry)
	if status, body := get(t, h, "/metrics"); status != http.StatusOK || !strings.Contains(body, "weir_test_total 1") {
		t.Errorf("metrics: %d %q", status, body)
	}
	if status, body := get(t, h, "/debug/pprof/"); status != http.StatusOK || !strings.Contains(body, "goroutine") {
		t.Errorf("pprof: %d %q", status, body)
	}
	if status, _ := get(t, h, "/"); status != http.StatusNotFound {
		t.Errorf("/: %d", status)
	}
}
