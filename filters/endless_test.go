package filters

import (
	"bytes"

	"weir/filters/internal/wasm"
	wt "weir/filters/internal/wasmtest"
	"weir/proto/fault"
)

// endlessModules are guests that would go on for ages, each in its own way: by what they do in a loop, by calling each
// other, or by what they answer weir_buf.
func endlessModules() map[string]hostile {
	const spent, deep, outside = "it used up its fuel of 3", "it called itself too deeply", "is outside of the memory"
	failing := func(m *wt.Module, call int, says string) hostile {
		return hostile{module: m, call: call, code: fault.FilterFailed, says: says}
	}
	zero := wt.Const64(0)
	forever := func(code ...[]byte) []byte {
		return wt.Code([]byte{wasm.OpLoop, wasm.BlockEmpty}, wt.Code(code...), []byte{wasm.OpBr, 0, wasm.OpEnd})
	}
	looping := func(code ...[]byte) hostile {
		return failing(wt.Guest().With(wt.GuestMatch, forever(code...), zero), callMatch, spent)
	}
	all := wt.Const(8 << 16)
	misc := func(op byte, operands ...byte) []byte { return append([]byte{0xfc, op}, operands...) }
	logs := wt.Guest()
	logs.Imports = []wt.Import{{Module: hostModule, Name: hostLog, Params: []byte{wt.I32, wt.I32}}}
	logs.With(wt.GuestMatch, forever(wt.Const(0), wt.Const(1), wt.Call(0)), zero)
	tables := wt.Guest().With(wt.GuestMatch, forever(wt.Const(0), wt.Const(0), wt.Const(1000), misc(14, 0, 0)), zero)
	tables.Tables = []uint32{1000}

	modules := map[string]hostile{
		"loop in a loop":        looping(wt.Forever()),
		"loop that adds":        looping(wt.GlobalGet(0), wt.Const(1), wt.Add(), wt.GlobalSet(0)),
		"loop that divides":     looping(wt.Const(7), wt.GlobalGet(0), wt.Const(1), wt.Add(), []byte{0x6e}, wt.Drop()),
		"loop that reads":       looping(wt.Const(0), wt.Load(), wt.Drop()),
		"loop that writes":      looping(wt.Const(0), wt.Const(1), wt.Store()),
		"loop that calls":       looping(wt.Call(wt.GuestABI)),
		"loop that copies":      looping(wt.Const(0), wt.Const(0), all, misc(10, 0, 0)),
		"loop that grows":       looping(wt.Const(1), wt.Grow(), wt.Drop()),
		"loop that grows by 0":  looping(wt.Const(0), wt.Grow(), wt.Drop()),
		"loop that can't grow":  looping(wt.Const(-1), wt.Grow(), wt.Drop()),
		"loop of many branches": looping(bytes.Repeat(wt.Code(wt.Const(0), wt.If(wt.Call(wt.GuestABI))), 500)),
		"loop of many ways":     looping([]byte{wasm.OpBlock, wasm.BlockEmpty}, wt.Const(7), wasm.AppendU32([]byte{wasm.OpBrTable}, 500), make([]byte, 501), []byte{wasm.OpEnd}),
		"loop that logs":        failing(logs, callMatch, spent),
		"loop over a table":     failing(tables, callMatch, spent),
		"memory bomb": failing(wt.Guest().With(wt.GuestMatch, wt.Const(150), wt.Grow(), wt.Drop(),
			forever(wt.Const(0), wt.Const(-1), wt.Const(150<<16), wt.Fill()), zero), callMatch, spent),
		"fill of more than there is": failing(wt.Guest().With(wt.GuestMatch, wt.Const(0), wt.Const(0), wt.Const(-1), wt.Fill(), zero), callMatch, spent),
		"fill past the end":          failing(wt.Guest().With(wt.GuestMatch, all, wt.Const(0), wt.Const(1), wt.Fill(), zero), callMatch, "it trapped: out of bounds memory access"),
		"number out of range":        failing(wt.Guest().With(wt.GuestMatch, []byte{wasm.OpF64Const, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f, 0xaa}, wt.Drop(), zero), callMatch, "it trapped: integer overflow"),
		"recursion in a loop":        failing(nesting(forever(wt.Const(900), wt.Call(wt.GuestNext))), callMatch, spent),
		"recursion by two":           failing(mutual(), callMatch, deep),
		"recursion of large frames":  failing(large(), callMatch, deep),
		"recursion by a table":       failing(indirect(), callMatch, deep),
		"recursion in prepare":       failing(wt.Guest().With(wt.GuestPrepare, wt.LocalGet(0), wt.LocalGet(1), wt.Call(wt.GuestPrepare)), callPrepare, deep),
	}
	later := func(code ...[]byte) *wt.Module {
		return wt.Guest().With(wt.GuestBuf, wt.LocalGet(0), wt.Const(minBuf), []byte{wasm.OpI32GtU}, wt.If(wt.Code(code...)), wt.Const(wt.BufAt))
	}
	leave := []byte{wasm.OpReturn}
	modules["buf loops later"] = failing(later(wt.Forever()), callPrepareMuch, spent)
	modules["buf traps later"] = failing(later(wt.Trap()), callPrepareMuch, "it trapped: unreachable")
	modules["buf has no room later"] = failing(later(wt.Const(0), leave), callPrepareMuch, "it has no room for an input of 16384 bytes")
	modules["buf lies later"] = failing(later(wt.Const(8<<16-8), leave), callPrepareMuch, outside)
	modules["buf beyond all memory"] = failing(later(wt.Const(-8), leave), callPrepareMuch, outside)
	modules["buf at an odd place"] = failing(later(wt.Const(wt.BufAt+1), leave), callPrepareMuch, "is not aligned")
	return modules
}

// nesting returns a guest whose match runs code, and whose next function calls itself as often as its parameter says.
func nesting(code []byte) *wt.Module {
	return wt.Guest().With(wt.GuestMatch, code, wt.Const64(0)).Add(wt.Func{
		Params: []byte{wt.I32}, Code: wt.Code(wt.LocalGet(0), wt.If(wt.LocalGet(0), wt.Const(1), wt.Sub(), wt.Call(wt.GuestNext))),
	})
}

func mutual() *wt.Module {
	g := wt.Guest().With(wt.GuestMatch, wt.Call(wt.GuestNext), wt.Const64(0))
	return g.Add(wt.Func{Code: wt.Call(wt.GuestNext + 1)}).Add(wt.Func{Code: wt.Call(wt.GuestNext)})
}

// large recurses with 4,000 locals, of which all are needed behind the call.
func large() *wt.Module {
	code := wt.Call(wt.GuestNext)
	for i := range uint32(4000) {
		code = wt.Code(code, wt.LocalGet(i), wt.GlobalGet(0), wt.Add(), wt.GlobalSet(0))
	}
	return wt.Guest().With(wt.GuestMatch, wt.Call(wt.GuestNext), wt.Const64(0)).Add(wt.Func{Locals: bytes.Repeat([]byte{wt.I32}, 4000), Code: code})
}

// indirect recurses by way of a table, into which it puts itself.
func indirect() *wt.Module {
	g := wt.Guest().With(wt.GuestMatch, wt.Const(0), []byte{wasm.OpRefFunc, wt.GuestNext, wasm.OpTableSet, 0}, wt.Call(wt.GuestNext), wt.Const64(0))
	g.Tables = []uint32{1}
	// Its type is that of its index: each function has one of its own. An export declares that a reference to it is made.
	return g.Add(wt.Func{Name: "recursion", Code: wt.Code(wt.Const(0), []byte{wasm.OpCallIndirect, wt.GuestNext, 0})})
}
