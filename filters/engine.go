package filters

import (
	"context"
	"log/slog"

	"weir/proto/fault"
)

// Config configures an Engine.
type Config struct {
	// CacheDir keeps compiled modules between runs. Empty: they are compiled anew in every process.
	CacheDir string
	// Logger gets what the engine and, at debug level, what filters say. Nil: nothing is logged.
	Logger *slog.Logger
	Limits Limits
}

// An Engine validates, compiles and runs filters. It is safe for concurrent use.
type Engine struct{}

// New returns an engine.
func New(context.Context, Config) (*Engine, error) { return &Engine{}, nil }

// Close frees everything. Filters that are still open fail from then on.
func (e *Engine) Close(context.Context) error { return nil }

// Inspect says what a module is, or with a fault (module_invalid, module_too_large) why it can't be a filter.
func (e *Engine) Inspect(context.Context, []byte) (Manifest, error) {
	return Manifest{}, fault.New(fault.ModuleInvalid, "no module is valid yet")
}

// Open makes a module ready to run.
func (e *Engine) Open(context.Context, []byte) (*Filter, error) {
	return nil, fault.New(fault.ModuleInvalid, "no module is valid yet")
}
