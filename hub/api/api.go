// Package api serves weir's server API: what backends and operators call over HTTPS by Connect, gRPC, gRPC-Web or plain
// JSON. It authenticates callers, settles which tenant they act on, bounds what it reads, and leaves the rest to a hub.
package api

import (
	"log/slog"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"

	"weir/proto/weirpb/weirpbconnect"
)

// DefaultTimeout is how long a call may take where the caller does not say: longer than a hub needs to elect a leader.
const DefaultTimeout = 30 * time.Second

// Config says what to serve. Only Hub is required.
type Config struct {
	Hub Hub
	// Stats adds up what edges report of their filters. Nil: nobody does, and GetFilterStats is unavailable.
	Stats FilterStats
	// Logger receives one line for each call that was refused. Nil: slog.Default().
	Logger *slog.Logger
	// Registerer receives the metrics of METRICS.md. Nil: none are exported.
	Registerer prometheus.Registerer
	// Timeout bounds each call, its body's arrival included, unless the caller set a shorter one. 0: DefaultTimeout.
	Timeout time.Duration
}

// A Handler serves the server API. Mount it at its Patterns.
type Handler struct {
	mux     *http.ServeMux
	calls   map[string]bool // the paths of all procedures
	log     *slog.Logger
	metrics *metrics
	timeout time.Duration
}

// New returns the handler. It fails if the metrics can't be registered.
func New(cfg Config) (*Handler, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, err
	}
	h := &Handler{mux: http.NewServeMux(), calls: procedures(), log: cfg.Logger, metrics: m, timeout: cfg.Timeout}
	options := connect.WithHandlerOptions(
		connect.WithRequestGate(gate{cfg.Hub}.admit),
		connect.WithInterceptors(connect.UnaryInterceptorFunc(answering)),
		connect.WithConditionalHandlerOptions(boundedCompression),
		connect.WithCompressMinBytes(compressFrom),
	)
	h.mux.Handle(weirpbconnect.NewEventServiceHandler(events{cfg.Hub, m}, options))
	h.mux.Handle(weirpbconnect.NewTenantServiceHandler(tenants{cfg.Hub}, options))
	h.mux.Handle(weirpbconnect.NewNamespaceServiceHandler(namespaces{cfg.Hub}, options))
	h.mux.Handle(weirpbconnect.NewKeyServiceHandler(keys{cfg.Hub}, options))
	h.mux.Handle(weirpbconnect.NewFilterServiceHandler(filters{cfg.Hub, cfg.Stats}, options))
	h.mux.Handle(weirpbconnect.NewOperatorServiceHandler(operator{cfg.Hub}, options))
	return h, nil
}

// compressFrom is the size of an answer, in bytes, from which compression saves more than it costs.
const compressFrom = 1 << 10

// Patterns lists where on an http.ServeMux the API belongs.
func (h *Handler) Patterns() []string {
	return []string{
		"/" + weirpbconnect.EventServiceName + "/", "/" + weirpbconnect.TenantServiceName + "/",
		"/" + weirpbconnect.NamespaceServiceName + "/", "/" + weirpbconnect.KeyServiceName + "/",
		"/" + weirpbconnect.FilterServiceName + "/", "/" + weirpbconnect.OperatorServiceName + "/",
	}
}
