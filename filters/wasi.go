package filters

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"weir/filters/internal/wasm"
)

// hostWASI is where Go's runtime imports what it asks of an operating system: WASI, preview 1. Guests get stand-ins that
// give the same answer whoever asks, whenever and however often: time stands still, randomness is always the same, there
// are no files, and what is written to standard output and error goes to the log.
const hostWASI = "wasi_snapshot_preview1"

// Error numbers of WASI.
const (
	wasiSuccess    = 0
	wasiBadFile    = 8
	wasiBadAddress = 21
	wasiInvalid    = 28
	wasiNoAccess   = 76
)

// wasiTime is what every clock shows, in nanoseconds since the Unix epoch: the beginning of 2000. Go insists on a time
// that isn't 0.
const wasiTime = 946684800_000_000_000

// Bounds of what one call does.
const (
	maxWASIBytes = 64 << 10 // random bytes; Go asks for less than 100 at a time
	maxWASIItems = 64       // pieces of text, events to wait for
)

// A wasiCall is one of the functions. It leaves its result, an error number, on the stack in place of its parameters.
type wasiCall struct {
	name   string
	params string // a letter each: i for i32, I for i64
	call   func(ctx context.Context, memory api.Memory, stack []uint64) (errno uint64)
}

// wasiCalls are those that Go's standard library imports.
var wasiCalls = [...]wasiCall{
	{"args_get", "ii", wasiNothing},
	{"args_sizes_get", "ii", wasiNone},
	{"environ_get", "ii", wasiNothing},
	{"environ_sizes_get", "ii", wasiNone},
	{"clock_time_get", "iIi", wasiClock},
	{"random_get", "ii", wasiRandom},
	{"fd_write", "iiii", wasiWrite},
	{"poll_oneoff", "iiii", wasiPoll},
	{"proc_exit", "i", wasiExit},
	{"sched_yield", "", wasiNothing},

	{"fd_close", "i", wasiNoFile},
	{"fd_fdstat_get", "ii", wasiNoFile},
	{"fd_fdstat_set_flags", "ii", wasiNoFile},
	{"fd_fdstat_set_rights", "iII", wasiNoFile},
	{"fd_filestat_get", "ii", wasiNoFile},
	{"fd_filestat_set_size", "iI", wasiNoFile},
	{"fd_pread", "iiiIi", wasiNoFile},
	{"fd_prestat_dir_name", "iii", wasiNoFile},
	{"fd_prestat_get", "ii", wasiNoFile},
	{"fd_pwrite", "iiiIi", wasiNoFile},
	{"fd_read", "iiii", wasiNoFile},
	{"fd_readdir", "iiiIi", wasiNoFile},
	{"fd_seek", "iIii", wasiNoFile},
	{"fd_sync", "i", wasiNoFile},
	{"sock_accept", "iii", wasiNoFile},
	{"sock_shutdown", "ii", wasiNoFile},

	{"path_create_directory", "iii", wasiNoPath},
	{"path_filestat_get", "iiiii", wasiNoPath},
	{"path_filestat_set_times", "iiiiIIi", wasiNoPath},
	{"path_link", "iiiiiii", wasiNoPath},
	{"path_open", "iiiiiIIii", wasiNoPath},
	{"path_readlink", "iiiiii", wasiNoPath},
	{"path_remove_directory", "iii", wasiNoPath},
	{"path_rename", "iiiiii", wasiNoPath},
	{"path_symlink", "iiiii", wasiNoPath},
	{"path_unlink_file", "iii", wasiNoPath},
}

// types returns the call's signature.
func (c *wasiCall) types() (params, results []api.ValueType) {
	for _, letter := range c.params {
		t := api.ValueTypeI32
		if letter == 'I' {
			t = api.ValueTypeI64
		}
		params = append(params, t)
	}
	if c.name != "proc_exit" {
		results = []api.ValueType{api.ValueTypeI32}
	}
	return params, results
}

// isWASI reports whether an import is one of wasiCalls, with its signature.
func isWASI(m *wasm.Module, i wasm.Import) bool {
	if i.Module != hostWASI || i.Kind != wasm.KindFunc || int(i.Type) >= len(m.Types) {
		return false
	}
	for n := range wasiCalls {
		if c := &wasiCalls[n]; c.name == i.Name {
			params, results := c.types()
			return signature(m.Types[i.Type]) == signature(wasm.FuncType{Params: params, Results: results})
		}
	}
	return false
}

// provideWASI makes the stand-ins.
func (p *program) provideWASI(ctx context.Context) error {
	builder := p.runtime.NewHostModuleBuilder(hostWASI)
	for n := range wasiCalls {
		c := &wasiCalls[n]
		params, results := c.types()
		builder = builder.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(c.answer), params, results).Export(c.name)
	}
	_, err := builder.Instantiate(ctx)
	return err
}

func (c *wasiCall) answer(ctx context.Context, module api.Module, stack []uint64) {
	instanceOf(ctx).charge(module, hostCallFuel)
	for n, letter := range c.params {
		if letter == 'i' {
			stack[n] = uint64(api.DecodeU32(stack[n])) // above an i32 the engine leaves what was there before
		}
	}
	errno := c.call(ctx, module.Memory(), stack)
	if len(stack) > 0 { // not that of proc_exit, which doesn't return
		stack[0] = errno
	}
}

// wasiError returns the error number for a memory access that went well, or did not.
func wasiError(ok bool) uint64 {
	if !ok {
		return wasiBadAddress
	}
	return wasiSuccess
}

func wasiNothing(context.Context, api.Memory, []uint64) uint64 { return wasiSuccess }
func wasiNoFile(context.Context, api.Memory, []uint64) uint64  { return wasiBadFile }
func wasiNoPath(context.Context, api.Memory, []uint64) uint64  { return wasiNoAccess }

// wasiNone says that there are no arguments, or variables: (count *u32, bytes *u32).
func wasiNone(_ context.Context, memory api.Memory, stack []uint64) uint64 {
	return wasiError(memory.WriteUint32Le(uint32(stack[0]), 0) && memory.WriteUint32Le(uint32(stack[1]), 0))
}

// wasiClock is (clock u32, precision u64, time *u64).
func wasiClock(_ context.Context, memory api.Memory, stack []uint64) uint64 {
	return wasiError(memory.WriteUint64Le(uint32(stack[2]), wasiTime))
}

// wasiRandom is (buffer, size u32).
func wasiRandom(_ context.Context, memory api.Memory, stack []uint64) uint64 {
	if stack[1] > maxWASIBytes {
		return wasiInvalid
	}
	b, ok := memory.Read(uint32(stack[0]), uint32(stack[1]))
	for i := range b {
		b[i] = byte(i)*0x9d + 0x3b
	}
	return wasiError(ok)
}

// wasiExit ends the call of the guest.
func wasiExit(_ context.Context, _ api.Memory, stack []uint64) uint64 {
	panic(&exitError{code: uint32(stack[0])})
}

// An exitError ends a call in which the guest wants to leave: that is how Go's runtime ends after a panic.
type exitError struct{ code uint32 }

func (e *exitError) Error() string { return fmt.Sprintf("it exited with code %d", e.code) }

// wasiWrite is (file u32, pieces *{address, size u32}, count u32, written *u32). What a piece says is logged.
func wasiWrite(ctx context.Context, memory api.Memory, stack []uint64) uint64 {
	const pieceSize = 8
	if file := stack[0]; file != 1 && file != 2 {
		return wasiBadFile
	}
	pieces, ok := memory.Read(uint32(stack[1]), uint32(min(stack[2], maxWASIItems)*pieceSize))
	if !ok {
		return wasiBadAddress
	}
	total := uint32(0)
	for ; len(pieces) > 0; pieces = pieces[pieceSize:] {
		size := binary.LittleEndian.Uint32(pieces[4:])
		text, ok := memory.Read(binary.LittleEndian.Uint32(pieces), min(size, maxLogBytes))
		if !ok {
			return wasiBadAddress
		}
		instanceOf(ctx).say(ctx, text, size)
		total += size
	}
	return wasiError(memory.WriteUint32Le(uint32(stack[3]), total))
}

// wasiPoll is (subscriptions, events *, count u32, done *u32). Whatever is waited for has already happened: a guest that
// sleeps goes on at once.
func wasiPoll(_ context.Context, memory api.Memory, stack []uint64) uint64 {
	const (
		subscriptionSize = 48 // user data u64, what it waits for u8, and more
		eventSize        = 32 // user data u64, error u16, what has happened u8, and more
	)
	count := uint32(min(stack[2], maxWASIItems))
	subscriptions, ok := memory.Read(uint32(stack[0]), count*subscriptionSize)
	events, ok2 := memory.Read(uint32(stack[1]), count*eventSize)
	if !ok || !ok2 {
		return wasiBadAddress
	}
	for ; len(subscriptions) > 0; subscriptions, events = subscriptions[subscriptionSize:], events[eventSize:] {
		clear(events[:eventSize])
		copy(events, subscriptions[:8])
		events[10] = subscriptions[8]
	}
	return wasiError(memory.WriteUint32Le(uint32(stack[3]), count))
}
