package filters

import (
	"context"
	"sync/atomic"
	"time"
)

// An Account is on whose behalf Filters run: it decides when and where their guests do, and is told what they use. All Filters of
// a tenant share one, so its methods are called concurrently.
type Account interface {
	// Begin waits until a guest may run, and says where. An error, which Match and others return as it is, says that it may not.
	Begin(ctx context.Context, size Size) (Standing, error)
	// Yield is called while a guest runs, after each slice of fuel; spent is how long it has run since Begin or the last
	// Yield. It may let others run first.
	Yield(standing Standing, spent time.Duration) Answer
	// End ends what Begin began.
	End(Standing, Cost)
}

// A Size is how long a use of a Filter is expected to take.
type Size uint8

const (
	// Small: a slice of fuel at most, as the Filter's latest ones did.
	Small Size = iota
	// Large: one of the Filter's latest took longer.
	Large
	// Left: it has begun already, and Yield answered Leave.
	Left
)

// A Standing says how a guest runs.
type Standing uint8

const (
	// Light: where it is called, until Yield says otherwise.
	Light Standing = iota
	// Brief: where it is called, and for a slice of fuel at most.
	Brief
	// Aside: on a thread that has a processor when nothing else wants it.
	Aside
)

// An Answer says how a guest goes on.
type Answer uint8

const (
	// Continue: it does, and nobody else has run.
	Continue Answer = iota
	// Waited: it does, after others.
	Waited
	// Leave: it does not. The use ends and begins anew, as Left.
	Leave
)

// A Cost is what one use of a Filter took, between Begin and End.
type Cost struct {
	// Calls of the guest, and those that failed: see Usage, as for Fuel and Upkeep.
	Calls, Failures uint64
	Fuel, Upkeep    uint64
	// Evaluations are groups that were decided about.
	Evaluations uint64
	// OutputBytes is what projections answered.
	OutputBytes uint64
	// Spent is about how long the guest has run since it last yielded.
	Spent time.Duration
}

// A Listener is told what guests say by weir.log. Its methods are called concurrently, and must not block.
type Listener interface {
	// Said is told of a line that was let through: the channel of the event that the guest was asked about, "" where it was asked
	// about params, and the beginning of the text, made readable.
	Said(channel, text string)
	// LeftOut is told of a line that was not let through.
	LeftOut()
}

// Terms say on whose behalf a Filter runs. The zero value is nobody's in particular, within the engine's own limits.
type Terms struct {
	// Owner is a tenant's name: those whose modules take long to compile wait for those of others. "": nobody in particular.
	Owner   string
	Account Account
	// Bounds are the filter's limits. Nil: the engine's.
	Bounds *Bounds
	// Lines bounds what is logged by all Filters that share it, besides Limits.LogLines of each. Nil: nothing does.
	Lines *Lines
	// Listener is told what the filter says, whatever the level of the engine's log. Nil: nobody is.
	Listener Listener
}

// Bounds are Limits that can change while Filters run within them: each call looks. Of Limits, those of the compiled code
// (ModuleBytes, CallDepth, CallTime) and Instances are the engine's alone. It is safe for concurrent use.
type Bounds struct{ held atomic.Pointer[bounds] }

type bounds struct{ tenants, own Limits }

// Set replaces the limits. The tenant's are in place of the engine's, in both directions; the filter's own, which its tenant
// may set, can only be lower. A zero field is none.
func (b *Bounds) Set(tenants, own Limits) { b.held.Store(&bounds{tenants, own}) }

// within returns the limits that hold.
func (e *Engine) within(b *Bounds) Limits {
	held := e.withinTenants(b)
	if b := b.load(); b != nil {
		hold(&held.MemoryPages, b.own.MemoryPages, held.MemoryPages)
		hold(&held.CallFuel, b.own.CallFuel, held.CallFuel)
		hold(&held.GroupFuel, b.own.GroupFuel, held.GroupFuel)
		hold(&held.OutputBytes, b.own.OutputBytes, held.OutputBytes)
		hold(&held.LogLines, b.own.LogLines, held.LogLines)
	}
	return held
}

// withinTenants returns what all filters of the tenant may have: what its limits say, up to what the engine allows at most.
func (e *Engine) withinTenants(b *Bounds) Limits {
	held := e.limits
	if b := b.load(); b != nil {
		hold(&held.MemoryPages, b.tenants.MemoryPages, e.most.MemoryPages)
		hold(&held.CallFuel, b.tenants.CallFuel, e.most.CallFuel)
		hold(&held.GroupFuel, b.tenants.GroupFuel, e.most.GroupFuel)
		hold(&held.OutputBytes, b.tenants.OutputBytes, e.most.OutputBytes)
		hold(&held.LogLines, b.tenants.LogLines, e.most.LogLines)
	}
	return held
}

func (b *Bounds) load() *bounds {
	if b == nil {
		return nil
	}
	return b.held.Load()
}

// hold makes a limit what is wanted, up to most; 0 leaves it as it is.
func hold[T int | int64 | uint32](limit *T, wanted, most T) {
	if wanted > 0 {
		*limit = min(wanted, most)
	}
}
