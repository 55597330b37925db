package filters

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"weir/filters/internal/meter"
	"weir/filters/internal/wasm"
	"weir/proto/fault"
)

// A program is a module's compiled code, shared by all Filters that were opened on it.
type program struct {
	engine     *Engine
	digest     [32]byte
	references int // guarded by engine.mu

	made chan struct{} // closed once the following is set for good
	err  error

	manifest Manifest
	// A runtime of its own per module: nothing that a guest does, or that wazero remembers of it, meets another's.
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	cache    wazero.CompilationCache // nil without a usable cache directory
	pristine pristine
	wasi     bool // it imports stand-ins of WASI
}

// make validates, meters and compiles a module, and makes an instance to see whether that works. It goes on when ctx
// ends: others may be waiting for it too.
func (p *program) make(ctx context.Context, module []byte, terms Terms, patient bool) error {
	if err := p.engine.workshop.enter(terms.Owner, patient); err != nil {
		return err
	}
	start := time.Now()
	defer func() { p.engine.workshop.leave(terms.Owner, time.Since(start)) }()
	ctx = context.WithoutCancel(ctx)
	limits := p.engine.limits
	limits.MemoryPages = p.engine.most.MemoryPages // what its tenant may have is looked at when it is opened
	decoded, manifest, err := validate(module, limits)
	if err != nil {
		return err
	}
	if err := p.engine.begins(manifest, terms.Bounds); err != nil {
		return err
	}
	manifest.Digest = p.digest
	p.wasi = slices.ContainsFunc(decoded.Imports, func(i wasm.Import) bool { return i.Module == hostWASI })
	p.manifest = manifest

	result, err := meter.Rewrite(decoded, meter.Config{Depth: int32(limits.CallDepth), Pages: p.engine.most.MemoryPages})
	if err != nil {
		return invalid("its code can't be used: %v", err).WithCause(err)
	}
	if err := p.compile(ctx, result.Module); err != nil {
		return err
	}
	p.pristine = pristine{names: result.Globals, restorable: result.Restorable}
	if err := p.try(ctx); err != nil {
		p.free()
		return err
	}
	return nil
}

// compile makes machine code, by way of the disk cache if that works.
func (p *program) compile(ctx context.Context, module []byte) error {
	err := p.compileWith(ctx, module, p.engine.cache.open(module))
	if err != nil && p.cache != nil {
		p.free()
		cached := err
		if err = p.compileWith(ctx, module, nil); err == nil {
			p.engine.cache.discard(module, cached)
		}
	}
	if err != nil {
		p.free()
		return invalid("%v", err).WithCause(err).WithHint("wasm-validate or wasm-tools validate says more")
	}
	if p.cache != nil {
		p.engine.cache.seal(module)
	}
	return nil
}

func (p *program) compileWith(ctx context.Context, module []byte, cache wazero.CompilationCache) (err error) {
	// A compiler is a large program, and this one is fed by strangers. It must run in this goroutine for that, with one
	// worker, which is wazero's default.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the compiler can't cope with it: %v", r)
		}
	}()
	p.cache = cache
	config := p.engine.machine().WithCoreFeatures(api.CoreFeaturesV2).
		WithMemoryLimitPages(p.engine.most.MemoryPages).WithDebugInfoEnabled(false)
	if cache != nil {
		config = config.WithCompilationCache(cache)
	}
	p.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	if err := p.provideHost(ctx); err != nil {
		return err
	}
	if p.wasi {
		if err := p.provideWASI(ctx); err != nil {
			return err
		}
	}
	p.compiled, err = p.runtime.CompileModule(ctx, module)
	return err
}

// try makes an instance, and keeps what it looks like.
func (p *program) try(ctx context.Context) error {
	limits := p.engine.limits
	limits.MemoryPages = max(limits.MemoryPages, p.manifest.MemoryPages)
	in, err := p.instantiateFor(ctx, limits, nil, seat{})
	if err != nil {
		return fault.New(fault.ModuleInvalid, "%s", fault.From(err).Message).WithHint("%s", fault.From(err).Hint).WithCause(err)
	}
	p.pristine.capture(in)
	return in.close()
}

// free gives back what compile took.
func (p *program) free() {
	ctx := context.Background()
	if p.runtime != nil {
		if err := p.runtime.Close(ctx); err != nil {
			p.engine.log.Warn("closing a filter's runtime", "filter", p.name(), "error", err)
		}
		p.runtime = nil
	}
	if p.cache != nil {
		if err := p.cache.Close(ctx); err != nil {
			p.engine.log.Warn("closing a filter's compilation cache", "filter", p.name(), "error", err)
		}
		p.cache = nil
	}
}

// name is the program's name in logs: the beginning of its digest.
func (p *program) name() string { return hex.EncodeToString(p.digest[:6]) }
