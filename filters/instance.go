package filters

import (
	"context"
	"errors"
	"math/bits"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"weir/filters/internal/meter"
)

// What a module exports: ABI.md, "Exports".
const (
	exportMemory     = "memory"
	exportABI        = "weir_abi_1"
	exportBuf        = "weir_buf"
	exportPrepare    = "weir_prepare"
	exportMatch      = "weir_match"
	exportProject    = "weir_project"
	exportKeys       = "weir_keys"
	exportInterest   = "weir_interest"
	exportInitialize = "_initialize"
)

// An instance is one guest with its memory. One goroutine uses it at a time.
type instance struct {
	program  *program
	limits   Limits // of the present call
	pool     *pool  // nil: none
	module   api.Module
	memory   api.Memory
	linear   *linearMemory   // that memory lies in
	ctx      context.Context // of its calls
	governor governor
	// The guest's counters.
	fuel, depth api.MutableGlobal
	listen      func(text string) // gets what the guest says in place of the log; nil: the log does
	event       []byte            // that the present call is about; nil: it is about none

	buf, match, prepare, project, keys, interest api.Function
	globals                                      []api.MutableGlobal // as named by pristine

	stack [5]uint64 // arguments and result of a call
	// The guest's input buffer, from ptr on, of size bytes. 0 bytes: ask for it.
	ptr, size uint32
	// Calls since it was last as it began, and whether the last of them served one subscriber alone.
	calls   int
	private bool

	// Fuel that was used and has not been counted yet: by calls, and by what they needed first.
	fuelUsed, upkeep uint64
	cost             Cost // of the present use, as its Account is told

	answer Bitmap // scratch for match
}

// instantiateFor makes a new instance for a pool, or for none, within limits, for a use at a seat, and runs its start functions.
func (p *program) instantiateFor(ctx context.Context, limits Limits, of *pool, at seat) (*instance, error) {
	in := &instance{program: p, limits: limits, pool: of, governor: newGovernor(p.engine.limits)}
	if of != nil {
		in.governor.account = of.terms.Account
	}
	in.governor.enter(at)
	in.ctx = &instanceContext{Context: context.WithoutCancel(ctx), instance: in}
	// Its counter is at 0 and can't be set before it is made, so it begins by asking for the first slice.
	in.governor.reserve += in.governor.begin(limits.CallFuel)
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions(exportInitialize)
	in.linear = &linearMemory{limit: uint64(limits.MemoryPages) * pageBytes}
	module, err := p.runtime.InstantiateModule(experimental.WithMemoryAllocator(in.ctx, in.linear), p.compiled, config)
	if err != nil {
		in.linear.Free()
		return nil, failed("its start", err)
	}
	in.bind(module)
	in.fuel, _ = module.ExportedGlobal(meter.FuelExport).(api.MutableGlobal)
	in.depth, _ = module.ExportedGlobal(meter.DepthExport).(api.MutableGlobal)
	in.upkeep = in.governor.used(int64(in.fuel.Get())) + uint64(p.manifest.MemoryPages)*meter.PageCost
	for _, name := range p.pristine.names {
		global, _ := module.ExportedGlobal(name).(api.MutableGlobal)
		in.globals = append(in.globals, global)
	}
	// All instances begin with the same buffer: what a guest with an allocator uses later may depend on it.
	if err := in.reserve(minBuf); err != nil {
		return nil, errors.Join(failed(exportBuf, err), in.close())
	}
	return in, nil
}

// bind finds what the module exports.
func (in *instance) bind(module api.Module) {
	in.module, in.memory = module, module.Memory()
	in.buf = module.ExportedFunction(exportBuf)
	in.match = module.ExportedFunction(exportMatch)
	in.prepare = module.ExportedFunction(exportPrepare)
	in.project = module.ExportedFunction(exportProject)
	in.keys = module.ExportedFunction(exportKeys)
	in.interest = module.ExportedFunction(exportInterest)
}

func (in *instance) close() error { return in.module.Close(in.ctx) }

// run calls a function, whose arguments are on the stack, with so much fuel, and returns how much it has used.
func (in *instance) run(function api.Function, fuel int64) (used uint64, err error) {
	in.fuel.Set(uint64(in.governor.begin(fuel)))
	in.depth.Set(0)
	err = function.CallWithStack(in.ctx, in.stack[:])
	left := int64(in.fuel.Get())
	in.governor.end(left)
	return in.governor.used(left), err
}

// bufAlignment is what the address of the input buffer is a multiple of.
const bufAlignment = 8

// minBuf is the least that the guest is asked for: small inputs then need one call of weir_buf in an instance's life.
const minBuf = 4 << 10

// reserve makes sure that the input buffer has size bytes.
func (in *instance) reserve(size int) error {
	if size <= int(in.size) {
		return nil
	}
	want := uint32(max(minBuf, 1<<bits.Len(uint(size-1))))
	in.size = 0
	in.stack[0] = uint64(want)
	used, err := in.run(in.buf, in.limits.CallFuel)
	in.upkeep += used
	if err != nil {
		return err
	}
	ptr := uint32(in.stack[0])
	switch {
	case ptr == 0:
		return nonsense("it has no room for an input of %d bytes", want)
	case ptr%bufAlignment != 0:
		return nonsense("the buffer at %d is not aligned to %d bytes", ptr, bufAlignment)
	case uint64(ptr)+uint64(want) > uint64(in.memory.Size()):
		return nonsense("the buffer of %d bytes at %d is outside of the memory of %d bytes", want, ptr, in.memory.Size())
	}
	in.ptr, in.size = ptr, want
	return nil
}

// input returns the input buffer's first n bytes, which reserve has made sure of.
func (in *instance) input(n int) ([]byte, error) {
	b, ok := in.memory.Read(in.ptr, uint32(n))
	if !ok {
		return nil, nonsense("its memory has shrunk")
	}
	return b, nil
}

// resultFailed is bit 63 of a result: what it points to is an error's text.
const resultFailed = 1 << 63

// result takes apart what a call left on the stack: an address and a length, or an error. The bytes are the guest's
// memory: copy them before the next call.
func (in *instance) result(limit int) ([]byte, error) {
	r := in.stack[0]
	ptr, size := uint32(r>>32)&^(1<<31), uint32(r)
	if r&resultFailed != 0 {
		text, ok := in.memory.Read(ptr, min(size, maxGuestText+1))
		if !ok {
			return nil, nonsense("its error text of %d bytes at %d is outside of the memory of %d bytes", size, ptr, in.memory.Size())
		}
		return nil, &refusalError{text: readable(text)}
	}
	if uint64(size) > uint64(limit) {
		return nil, nonsense("it answered with %d bytes, and at most %d are allowed", size, limit)
	}
	b, ok := in.memory.Read(ptr, size)
	if !ok {
		return nil, nonsense("its answer of %d bytes at %d is outside of the memory of %d bytes", size, ptr, in.memory.Size())
	}
	return b, nil
}
