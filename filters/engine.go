package filters

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"sync"

	"github.com/tetratelabs/wazero"

	"weir/proto/fault"
)

// Config configures an Engine.
type Config struct {
	// CacheDir keeps compiled modules between runs. Empty: they are compiled anew in every process.
	CacheDir string
	// Logger gets what the engine and, at debug level, what filters say. Nil: nothing is logged.
	Logger *slog.Logger
	// Limits are those of filters that have none of their own.
	Limits Limits
	// Most is what filters' own limits can be at most: MemoryPages by default 4 times those of Limits, CallFuel and GroupFuel
	// 10 times, LogLines 100 times, OutputBytes just those. Other fields mean nothing.
	Most Limits
}

// An Engine validates, compiles and runs filters. It is safe for concurrent use.
type Engine struct {
	log    *slog.Logger
	limits Limits
	most   Limits
	cache  *diskCache
	// machine configures what runs modules: wazero's compiler. Its interpreter stands in for other processors in tests.
	machine func() wazero.RuntimeConfig
	// compiling is held while a module is compiled: one at a time, as a large one takes much memory and a CPU.
	compiling sync.Mutex

	mu       sync.Mutex
	closed   bool                  // guarded by mu
	programs map[[32]byte]*program // guarded by mu; by digest of the module as uploaded
}

// New returns an engine.
func New(_ context.Context, cfg Config) (*Engine, error) {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	limits := cfg.Limits.withDefaults()
	return &Engine{
		log: log, limits: limits, most: cfg.Most.most(limits), cache: openDiskCache(cfg.CacheDir, log),
		machine:  wazero.NewRuntimeConfig,
		programs: map[[32]byte]*program{},
	}, nil
}

// Close refuses further use. What filters that are still open hold is freed when they are closed.
func (e *Engine) Close(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	return nil
}

// Inspect says what a module is, or with a fault (module_invalid, module_too_large) why it can't be a filter. It does all
// that Open does, an instance included, so that what goes wrong at the start goes wrong at upload.
func (e *Engine) Inspect(ctx context.Context, module []byte) (Manifest, error) {
	f, err := e.Open(ctx, module)
	if err != nil {
		return Manifest{}, err
	}
	return f.Manifest(), f.Close()
}

// Abilities is Inspect for those who only ask what a module exports beyond the necessary.
func (e *Engine) Abilities(ctx context.Context, module []byte) ([]string, error) {
	manifest, err := e.Inspect(ctx, module)
	return manifest.Abilities, err
}

// Open makes a module ready to run. The compiled code is shared with everybody who has the same module open; instances
// are not, so that what a guest remembers stays with whoever opened it.
func (e *Engine) Open(ctx context.Context, module []byte) (*Filter, error) {
	return e.OpenFor(ctx, module, Terms{})
}

// OpenFor is Open on somebody's behalf.
func (e *Engine) OpenFor(ctx context.Context, module []byte, terms Terms) (*Filter, error) {
	if len(module) > e.limits.ModuleBytes {
		return nil, fault.New(fault.ModuleTooLarge, "the module has %d bytes, and at most %d are allowed", len(module),
			e.limits.ModuleBytes).WithHint("strip debug information and optimise for size")
	}
	p, err := e.acquire(ctx, module)
	if err != nil {
		return nil, err
	}
	f := newFilter(p, terms)
	if err := f.pool.fits(e.within(terms.Bounds)); err != nil {
		return nil, errors.Join(fault.New(fault.ModuleInvalid, "%v", err).WithHint("operators: raise memory_pages of the tenant's limits"), f.Close())
	}
	return f, nil
}

// acquire returns the program for a module, made by whoever asks first, and counts the reference.
func (e *Engine) acquire(ctx context.Context, module []byte) (*program, error) {
	digest := sha256.Sum256(module)
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, fault.New(fault.Unavailable, "the filter engine is closed").WithCause(errClosed)
	}
	p, known := e.programs[digest]
	if !known {
		p = &program{engine: e, digest: digest, made: make(chan struct{})}
		e.programs[digest] = p
	}
	p.references++
	e.mu.Unlock()

	if !known {
		p.err = p.make(ctx, module)
		close(p.made)
	}
	select {
	case <-p.made:
	case <-ctx.Done():
		e.release(p)
		return nil, unavailable(ctx, "the filter is still being compiled")
	}
	if p.err != nil {
		err := p.err
		e.release(p)
		return nil, err
	}
	return p, nil
}

// release gives back a reference. The last one frees the program.
func (e *Engine) release(p *program) {
	e.mu.Lock()
	p.references--
	last := p.references == 0
	if last {
		delete(e.programs, p.digest)
	}
	e.mu.Unlock()
	if last {
		p.free()
	}
}
