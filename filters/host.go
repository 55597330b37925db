package filters

import (
	"context"
	"log/slog"

	"github.com/tetratelabs/wazero/api"

	"weir/filters/internal/meter"
)

// What guests import.
const (
	hostModule = "weir"
	hostLog    = "log"
)

// maxLogBytes is how much of a message to weir.log is written; the rest is cut.
const maxLogBytes = 256

// provideHost makes what guests import, and what metering makes them call.
func (p *program) provideHost(ctx context.Context) error {
	i32, i64 := api.ValueTypeI32, api.ValueTypeI64
	_, err := p.runtime.NewHostModuleBuilder(hostModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(guestLog), []api.ValueType{i32, i32}, nil).Export(hostLog).
		Instantiate(ctx)
	if err != nil {
		return err
	}
	_, err = p.runtime.NewHostModuleBuilder(meter.HostModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(guestTick), []api.ValueType{i32, i64}, []api.ValueType{i64}).
		Export(meter.TickName).Instantiate(ctx)
	return err
}

// instanceContext is the context of an instance's calls: it tells host functions whose they are.
type instanceContext struct {
	context.Context
	instance *instance
}

type instanceKey struct{}

// Value implements context.Context.
func (c *instanceContext) Value(key any) any {
	if key == (instanceKey{}) {
		return c.instance
	}
	return nil
}

func instanceOf(ctx context.Context) *instance {
	in, _ := ctx.Value(instanceKey{}).(*instance)
	return in
}

// guestTick is called by guests that have used up their slice of fuel or their depth, or pause. A panic ends the guest's call:
// wazero turns it into an error.
func guestTick(ctx context.Context, _ api.Module, stack []uint64) {
	governor := &instanceOf(ctx).governor
	var fuel int64
	var err error
	switch stack[0] {
	case meter.WhyDepth:
		err = errDepth
	case meter.WhyPause:
		err = governor.pause()
	default:
		fuel, err = governor.more(int64(stack[1]))
	}
	if err != nil {
		panic(err)
	}
	stack[0] = uint64(fuel)
}

// hostCallFuel is what a call of the host costs: one instruction to the guest, and up to some µs of work here.
const hostCallFuel = 10_000

// charge takes fuel from the guest for work that the host does for it, exactly as if the guest had charged it itself.
// module is the guest's, which in does not know yet while it starts.
func (in *instance) charge(module api.Module, fuel int64) {
	counter := in.fuel
	if counter == nil {
		counter = module.ExportedGlobal(meter.FuelExport).(api.MutableGlobal)
	}
	left := int64(counter.Get()) - fuel
	counter.Set(uint64(left))
	if left >= 0 {
		return
	}
	left, err := in.governor.more(left)
	if err != nil {
		panic(err)
	}
	counter.Set(uint64(left))
}

// guestLog is weir.log(ptr, len).
func guestLog(ctx context.Context, module api.Module, stack []uint64) {
	in := instanceOf(ctx)
	in.charge(module, hostCallFuel)
	ptr, size := uint32(stack[0]), uint32(stack[1])
	text, ok := module.Memory().Read(ptr, min(size, maxLogBytes))
	if !ok {
		panic(errLogRange)
	}
	in.say(ctx, text, size)
}

// say logs the beginning of a text of size bytes.
func (in *instance) say(ctx context.Context, text []byte, size uint32) {
	if in.listen != nil {
		in.listen(readable(text))
		return
	}
	log, listener := in.program.engine.log, in.pool.listener()
	if listener == nil && !log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	leftOut, ok := in.pool.line(in.limits.LogLines)
	switch {
	case ok:
		said := readable(text)
		log.Debug("a filter says", "filter", in.program.name(), "text", said, "bytes", size, "left_out", leftOut)
		if listener != nil {
			listener.Said(channelOf(in.event), said)
		}
	case listener != nil:
		listener.LeftOut()
	}
}
