package meter

import "math/rand/v2"

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

var valueKinds = []byte{typeI32, typeI64, typeF32, typeF64}

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
		exports = append(appendName(exports, "f"+string(rune('0'+i))), kindFunction, byte(i))
		body := g.body(i)
		code = append(appendU32(code, uint32(len(body))), body...)
	}
	for i := range byte(generatedGlobals) {
		exports = append(appendName(exports, "g"+string(rune('0'+i))), kindGlobal, i)
	}
	exports = append(appendName(exports, "memory"), kindMemory, 0)
	globals := []byte{
		generatedGlobals,
		typeI32, 1, opI32Const, 7, opEnd, typeI64, 1, opI64Const, 9, opEnd,
		typeF32, 1, opF32Const, 0, 0, 0, 0x40, opEnd, typeF64, 1, opF64Const, 0, 0, 0, 0, 0, 0, 0xf0, 0xbf, opEnd,
	}
	out := append([]byte(nil), header...)
	for _, s := range []section{
		{id: sectionType, body: types},
		{id: sectionFunction, body: functions},
		{id: sectionMemory, body: []byte{1, 1, generatedPages, 3}},
		{id: sectionGlobal, body: globals},
		{id: sectionExport, body: exports},
		{id: sectionCode, body: code},
	} {
		out = append(appendU32(append(out, s.id), uint32(len(s.body))), s.body...)
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
	code = append(g.expression(code, sc, s.result, generatedDepth), opEnd)
	out := []byte{byte(len(valueKinds)) + 1}
	for _, t := range valueKinds {
		out = append(out, 1, t)
	}
	return append(append(appendU32(out, uint32(counters)), typeI32), code...)
}

// statement appends code that leaves nothing on the stack.
func (g *generator) statement(code []byte, sc scope, depth int) []byte {
	switch choice := g.rng.IntN(12); {
	case choice < 3 || depth == 0:
		i := g.rng.IntN(len(sc.locals))
		return appendU32(append(g.expression(code, sc, sc.locals[i], depth), opLocalSet), uint32(i))
	case choice == 3:
		i := g.rng.IntN(generatedGlobals)
		return append(g.expression(code, sc, valueKinds[i], depth), opGlobalSet, byte(i))
	case choice == 4:
		return g.store(code, sc, depth)
	case choice == 5:
		code = append(g.expression(code, sc, typeI32, depth), opIf, blockTypeEmpty)
		code = g.statement(code, sc.inside(0), depth-1)
		code = append(code, opElse)
		return append(g.statement(code, sc.inside(0), depth-1), opEnd)
	case choice == 6 && sc.loops < 2:
		return g.loop(code, sc, depth)
	case choice == 7:
		code = append(code, opBlock, blockTypeEmpty)
		code = g.statement(code, sc.inside(0), depth-1)
		code = append(g.expression(code, sc, typeI32, depth), opBrIf, 0)
		return append(g.statement(code, sc.inside(0), depth-1), opEnd)
	case choice == 8:
		code = append(code, opBlock, blockTypeEmpty, opBlock, blockTypeEmpty)
		code = append(g.expression(code, sc, typeI32, depth), opBrTable, 2, 0, 1, 0, opEnd)
		return append(g.statement(code, sc.inside(0), depth-1), opEnd)
	case choice == 9:
		return g.bulk(code, sc, depth)
	case choice == 10 && g.rng.IntN(4) == 0:
		code = append(g.expression(code, sc, typeI32, depth), opIf, blockTypeEmpty)
		code = g.expression(code, sc.inside(0), g.functions[sc.function].result, depth-1)
		return append(code, opReturn, opEnd)
	}
	return append(g.expression(code, sc, g.kind(), depth), opDrop)
}

func (sc scope) inside(label byte) scope {
	sc.labels = append(sc.labels[:len(sc.labels):len(sc.labels)], label)
	return sc
}

// loop appends a loop that runs up to four times.
func (g *generator) loop(code []byte, sc scope, depth int) []byte {
	counter := uint32(len(sc.locals) + *sc.counters)
	*sc.counters++
	code = append(code, opI32Const, byte(1+g.rng.IntN(4)), opLocalSet)
	code = append(appendU32(code, counter), opLoop, blockTypeEmpty)
	inner := sc.inside(loopLabel)
	inner.loops++
	for range 1 + g.rng.IntN(2) {
		code = g.statement(code, inner, depth-1)
	}
	code = appendU32(append(code, opLocalGet), counter)
	code = append(code, opI32Const, 1, 0x6b, opLocalTee) // i32.sub
	return append(appendU32(code, counter), opBrIf, 0, opEnd)
}

// address appends an address that is nearly always inside the memory.
func (g *generator) address(code []byte, sc scope, depth int) []byte {
	code = g.expression(code, sc, typeI32, depth-1)
	if g.rng.IntN(40) == 0 {
		return code
	}
	return append(appendS64(append(code, opI32Const), 0x7fff), 0x71) // i32.and
}

func (g *generator) store(code []byte, sc scope, depth int) []byte {
	stores := []struct{ op, kind, align byte }{
		{0x36, typeI32, 2},
		{0x37, typeI64, 3},
		{0x3a, typeI32, 0},
		{0x3b, typeI32, 1},
		{0x3e, typeI64, 2},
		{0x38, typeF32, 2},
		{0x39, typeF64, 3},
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
		code = g.expression(code, sc, typeI32, depth-1)
		code = append(appendS64(append(code, opI32Const), 0xff), 0x71)
	}
	switch g.rng.IntN(3) {
	case 0:
		code = g.expression(code, sc, typeI32, depth-1)
		length()
		return append(code, opMisc, miscMemoryFill, 0)
	case 1:
		code = g.address(code, sc, depth)
		length()
		return append(code, opMisc, miscMemoryCopy, 0, 0)
	}
	return append(code, opI32Const, 1, 0x71, opMemoryGrow, 0, opDrop)
}
