package meter

import (
	"math/rand/v2"

	"weir/filters/internal/wasm"
)

// A generator makes random valid modules that end: loops count down, and functions call only those behind them.
type generator struct {
	rng *rand.Rand
	// nanBits allows instructions that show the bits of a NaN. The original may then differ from the metered copy,
	// which shows the canonical NaN, but all machines must agree on the copy.
	nanBits   bool
	functions []signature
}

type signature struct {
	params []byte
	result byte
}

const (
	generatedPages   = 1
	generatedGlobals = 4 // one of each type
	generatedDepth   = 5 // nested expressions
)

var valueKinds = []byte{wasm.I32, wasm.I64, wasm.F32, wasm.F64}

// module returns a module that exports its memory, its globals g0 to g3 and its functions f0, f1, ...
func (g *generator) module() []byte {
	g.functions = nil
	for range 1 + g.rng.IntN(4) {
		s := signature{result: g.kind()}
		for range g.rng.IntN(4) {
			s.params = append(s.params, g.kind())
		}
		g.functions = append(g.functions, s)
	}
	var types, functions, exports, code []byte
	n := byte(len(g.functions))
	types, functions, code = append(types, n), append(functions, n), append(code, n)
	exports = append(exports, n+generatedGlobals+1)
	for i, s := range g.functions {
		types = append(append(append(types, 0x60, byte(len(s.params))), s.params...), 1, s.result)
		functions = append(functions, byte(i))
		exports = append(wasm.AppendName(exports, "f"+string(rune('0'+i))), byte(wasm.KindFunc), byte(i))
		body := g.body(i)
		code = append(wasm.AppendU32(code, uint32(len(body))), body...)
	}
	for i := range byte(generatedGlobals) {
		exports = append(wasm.AppendName(exports, "g"+string(rune('0'+i))), byte(wasm.KindGlobal), i)
	}
	exports = append(wasm.AppendName(exports, "memory"), byte(wasm.KindMemory), 0)
	globals := []byte{
		generatedGlobals,
		wasm.I32, 1, wasm.OpI32Const, 7, wasm.OpEnd, wasm.I64, 1, wasm.OpI64Const, 9, wasm.OpEnd,
		wasm.F32, 1, wasm.OpF32Const, 0, 0, 0, 0x40, wasm.OpEnd, wasm.F64, 1, wasm.OpF64Const, 0, 0, 0, 0, 0, 0, 0xf0, 0xbf, wasm.OpEnd,
	}
	out := wasm.AppendPreamble(nil)
	for _, s := range []struct {
		id   byte
		body []byte
	}{
		{id: wasm.SectionType, body: types},
		{id: wasm.SectionFunction, body: functions},
		{id: wasm.SectionMemory, body: []byte{1, 1, generatedPages, 3}},
		{id: wasm.SectionGlobal, body: globals},
		{id: wasm.SectionExport, body: exports},
		{id: wasm.SectionCode, body: code},
	} {
		out = wasm.AppendSection(out, s.id, s.body)
	}
	return out
}

func (g *generator) kind() byte { return valueKinds[g.rng.IntN(len(valueKinds))] }

// A scope is what code at a place may refer to.
type scope struct {
	function int
	locals   []byte // types; the counters of loops lie behind and are out of reach
	counters *int   // how many there are
	labels   []byte // result type per enclosing block, innermost last; 0: none, 1: a loop, not to be branched to
	loops    int    // enclosing loops
}

const loopLabel = 1

func (g *generator) body(function int) []byte {
	s := g.functions[function]
	counters := 0
	sc := scope{function: function, locals: append(append([]byte(nil), s.params...), valueKinds...), counters: &counters}
	sc.labels = []byte{s.result}
	var code []byte
	for range 1 + g.rng.IntN(4) {
		code = g.statement(code, sc, 3)
	}
	code = append(g.expression(code, sc, s.result, generatedDepth), wasm.OpEnd)
	out := []byte{byte(len(valueKinds)) + 1}
	for _, t := range valueKinds {
		out = append(out, 1, t)
	}
	return append(append(wasm.AppendU32(out, uint32(counters)), wasm.I32), code...)
}

// statement appends code that leaves nothing on the stack.
func (g *generator) statement(code []byte, sc scope, depth int) []byte {
	switch choice := g.rng.IntN(12); {
	case choice < 3 || depth == 0:
		i := g.rng.IntN(len(sc.locals))
		return wasm.AppendU32(append(g.expression(code, sc, sc.locals[i], depth), wasm.OpLocalSet), uint32(i))
	case choice == 3:
		i := g.rng.IntN(generatedGlobals)
		return append(g.expression(code, sc, valueKinds[i], depth), wasm.OpGlobalSet, byte(i))
	case choice == 4:
		return g.store(code, sc, depth)
	case choice == 5:
		code = append(g.expression(code, sc, wasm.I32, depth), wasm.OpIf, wasm.BlockEmpty)
		code = g.statement(code, sc.inside(0), depth-1)
		code = append(code, wasm.OpElse)
		return append(g.statement(code, sc.inside(0), depth-1), wasm.OpEnd)
	case choice == 6 && sc.loops < 2:
		return g.loop(code, sc, depth)
	case choice == 7:
		code = append(code, wasm.OpBlock, wasm.BlockEmpty)
		code = g.statement(code, sc.inside(0), depth-1)
		code = append(g.expression(code, sc, wasm.I32, depth), wasm.OpBrIf, 0)
		return append(g.statement(code, sc.inside(0), depth-1), wasm.OpEnd)
	case choice == 8:
		code = append(code, wasm.OpBlock, wasm.BlockEmpty, wasm.OpBlock, wasm.BlockEmpty)
		code = append(g.expression(code, sc, wasm.I32, depth), wasm.OpBrTable, 2, 0, 1, 0, wasm.OpEnd)
		return append(g.statement(code, sc.inside(0), depth-1), wasm.OpEnd)
	case choice == 9:
		return g.bulk(code, sc, depth)
	case choice == 10 && g.rng.IntN(4) == 0:
		code = append(g.expression(code, sc, wasm.I32, depth), wasm.OpIf, wasm.BlockEmpty)
		code = g.expression(code, sc.inside(0), g.functions[sc.function].result, depth-1)
		return append(code, wasm.OpReturn, wasm.OpEnd)
	}
	return append(g.expression(code, sc, g.kind(), depth), wasm.OpDrop)
}

func (sc scope) inside(label byte) scope {
	sc.labels = append(sc.labels[:len(sc.labels):len(sc.labels)], label)
	return sc
}

// loop appends a loop that runs up to four times.
func (g *generator) loop(code []byte, sc scope, depth int) []byte {
	counter := uint32(len(sc.locals) + *sc.counters)
	*sc.counters++
	code = append(code, wasm.OpI32Const, byte(1+g.rng.IntN(4)), wasm.OpLocalSet)
	code = append(wasm.AppendU32(code, counter), wasm.OpLoop, wasm.BlockEmpty)
	inner := sc.inside(loopLabel)
	inner.loops++
	for range 1 + g.rng.IntN(2) {
		code = g.statement(code, inner, depth-1)
	}
	code = wasm.AppendU32(append(code, wasm.OpLocalGet), counter)
	code = append(code, wasm.OpI32Const, 1, 0x6b, wasm.OpLocalTee) // i32.sub
	return append(wasm.AppendU32(code, counter), wasm.OpBrIf, 0, wasm.OpEnd)
}

// address appends an address that is nearly always inside the memory.
func (g *generator) address(code []byte, sc scope, depth int) []byte {
	code = g.expression(code, sc, wasm.I32, depth-1)
	if g.rng.IntN(40) == 0 {
		return code
	}
	return append(wasm.AppendI64(append(code, wasm.OpI32Const), 0x7fff), 0x71) // i32.and
}

func (g *generator) store(code []byte, sc scope, depth int) []byte {
	stores := []struct{ op, kind, align byte }{
		{0x36, wasm.I32, 2},
		{0x37, wasm.I64, 3},
		{0x3a, wasm.I32, 0},
		{0x3b, wasm.I32, 1},
		{0x3e, wasm.I64, 2},
		{0x38, wasm.F32, 2},
		{0x39, wasm.F64, 3},
	}
	if !g.nanBits {
		stores = stores[:5]
	}
	st := stores[g.rng.IntN(len(stores))]
	code = g.expression(g.address(code, sc, depth), sc, st.kind, depth-1)
	return append(code, st.op, st.align, byte(g.rng.IntN(64)))
}

func (g *generator) bulk(code []byte, sc scope, depth int) []byte {
	code = g.address(code, sc, depth)
	length := func() {
		code = g.expression(code, sc, wasm.I32, depth-1)
		code = append(wasm.AppendI64(append(code, wasm.OpI32Const), 0xff), 0x71)
	}
	switch g.rng.IntN(3) {
	case 0:
		code = g.expression(code, sc, wasm.I32, depth-1)
		length()
		return append(code, 0xfc, 11, 0)
	case 1:
		code = g.address(code, sc, depth)
		length()
		return append(code, 0xfc, 10, 0, 0)
	}
	return append(code, wasm.OpI32Const, 1, 0x71, wasm.OpMemoryGrow, 0, wasm.OpDrop)
}
