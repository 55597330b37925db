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
	// Compiling bounds what compiling the modules of one Terms.Owner takes.
	Compiling Compiling
}

// An Engine validates, compiles and runs filters. It is safe for concurrent use.
type Engine struct {
	log    *slog.Logger
	limits Limits
	most   Limits
	cache  *diskCache
	// machine configures what runs modules: wazero's compiler. Its interpreter stands in for other processors in tests.
	machine  func() wazero.RuntimeConfig
	workshop *workshop // where modules are compiled
	annex    annex     // where guests run that may take long

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
		machine: wazero.NewRuntimeConfig, workshop: newWorkshop(cfg.Compiling),
		programs: map[[32]byte]*program{},
	}, nil
}

// Close refuses further use, and waits for what runs aside. What filters that are still open hold is freed when they are closed.
func (e *Engine) Close(context.Context) error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.annex.close()
	return nil
}

// Inspect says what a module is, or with a fault (module_invalid, module_too_large) why it can't be a filter. It does all
// that Open does, an instance included, so that what goes wrong at the start goes wrong at upload.
func (e *Engine) Inspect(ctx context.Context, module []byte) (Manifest, error) {
	return e.InspectFor(ctx, module, Terms{})
}

// InspectFor is Inspect on somebody's behalf: what the module needs is held against its bounds. Where its owner has used up
// the time for compiling it fails with the fault busy, and does not wait.
func (e *Engine) InspectFor(ctx context.Context, module []byte, terms Terms) (Manifest, error) {
	f, err := e.open(ctx, module, terms, false)
	if err != nil {
		return Manifest{}, err
	}
	manifest := f.Manifest()
	return manifest, errors.Join(e.grows(manifest, terms.Bounds), f.Close())
}

// Open makes a module ready to run. The compiled code is shared with everybody who has the same module open; instances
// are not, so that what a guest remembers stays with whoever opened it.
func (e *Engine) Open(ctx context.Context, module []byte) (*Filter, error) {
	return e.OpenFor(ctx, module, Terms{})
}

// OpenFor is Open on somebody's behalf.
func (e *Engine) OpenFor(ctx context.Context, module []byte, terms Terms) (*Filter, error) {
	return e.open(ctx, module, terms, true)
}

// open opens a module. patient says whether to wait until its owner may compile again.
func (e *Engine) open(ctx context.Context, module []byte, terms Terms, patient bool) (*Filter, error) {
	if len(module) > e.limits.ModuleBytes {
		return nil, fault.New(fault.ModuleTooLarge, "the module has %d bytes, and at most %d are allowed", len(module),
			e.limits.ModuleBytes).WithHint("strip debug information and optimise for size")
	}
	p, err := e.acquire(ctx, module, terms, patient)
	if err != nil {
		return nil, err
	}
	return newFilter(p, terms), nil
}

// acquire returns the program for a module, made by whoever asks first, and counts the reference.
func (e *Engine) acquire(ctx context.Context, module []byte, terms Terms, patient bool) (*program, error) {
	for {
		p, mine, err := e.program(sha256.Sum256(module))
		if err != nil {
			return nil, err
		}
		if mine {
			p.err = p.make(ctx, module, terms, patient)
			close(p.made)
		}
		select {
		case <-p.made:
		case <-ctx.Done():
			e.release(p)
			return nil, unavailable(ctx, "the filter is still being compiled")
		}
		err = p.err
		if err == nil {
			if err = e.begins(p.manifest, terms.Bounds); err == nil {
				return p, nil
			}
		}
		e.release(p)
		// That another owner has no time, or may have less memory, says nothing about this one.
		tooMuch, early := errors.AsType[*MemoryError](err)
		switch {
		case early && (mine || p.err == nil):
			return nil, tooMuch.fault()
		case !early && (mine || fault.CodeOf(err) != fault.Busy):
			return nil, err
		}
	}
}

// program returns the program of a digest and counts the reference. mine says that it is new, and the caller's to make.
func (e *Engine) program(digest [32]byte) (p *program, mine bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, false, fault.New(fault.Unavailable, "the filter engine is closed").WithCause(errClosed)
	}
	p, known := e.programs[digest]
	if !known {
		p = &program{engine: e, digest: digest, made: make(chan struct{})}
		e.programs[digest] = p
	}
	p.references++
	return p, !known, nil
}

// release gives back a reference. The last one frees the program; of one that could not be made nobody gets another.
func (e *Engine) release(p *program) {
	e.mu.Lock()
	p.references--
	last, failed := p.references == 0, false
	select {
	case <-p.made:
		failed = p.err != nil
	default:
	}
	if (last || failed) && e.programs[p.digest] == p {
		delete(e.programs, p.digest)
	}
	e.mu.Unlock()
	if last {
		p.free()
	}
}
