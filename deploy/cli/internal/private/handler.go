// Package private serves what only operators may see: health, metrics and profiles. It belongs on an address that
// strangers can't reach.
package private

import (
	"context"
	"fmt"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// readyTimeout bounds one check: a load balancer that asks every few seconds wants an answer before it asks again.
const readyTimeout = 2 * time.Second

// A Check is one thing that must hold before a server can be sent work. Its error says, for people, why it does not.
type Check struct {
	Name string
	Run  func(context.Context) error
}

// Handler serves /healthz, /readyz, /metrics and /debug/pprof/.
//
// /healthz answers 200 while the process serves at all. /readyz answers 200 when all checks pass, else 503; either way
// with a line for each.
func Handler(gatherer prometheus.Gatherer, checks ...Check) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.Handle("GET /readyz", readiness(checks))
	mux.Handle("GET /metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

func readiness(checks []Check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		status, lines := http.StatusOK, ""
		for _, check := range checks {
			if err := check.Run(ctx); err != nil {
				status = http.StatusServiceUnavailable
				lines += fmt.Sprintf("%s: %s\n", check.Name, err)
			} else {
				lines += check.Name + ": ok\n"
			}
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		fmt.Fprint(w, lines)
	})
}
