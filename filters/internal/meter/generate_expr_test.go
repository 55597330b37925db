package meter

import (
	"encoding/binary"
	"math"

	"weir/filters/internal/wasm"
)

// expression appends code that leaves one value of a type.
func (g *generator) expression(code []byte, sc scope, kind byte, depth int) []byte {
	if depth <= 0 {
		return g.leaf(code, sc, kind)
	}
	switch choice := g.rng.IntN(14); {
	case choice < 2:
		return g.leaf(code, sc, kind)
	case choice < 7:
		return g.operator(code, sc, kind, depth)
	case choice == 7:
		for range 2 {
			code = g.expression(code, sc, kind, depth-1)
		}
		return append(g.expression(code, sc, wasm.I32, depth-1), wasm.OpSelect)
	case choice == 8:
		code = append(g.expression(code, sc, wasm.I32, depth-1), wasm.OpIf, kind)
		code = g.expression(code, sc.inside(kind), kind, depth-1)
		code = append(code, wasm.OpElse)
		return append(g.expression(code, sc.inside(kind), kind, depth-1), wasm.OpEnd)
	case choice == 9:
		code = g.expression(append(code, wasm.OpBlock, kind), sc.inside(kind), kind, depth-1)
		code = append(g.expression(code, sc.inside(kind), wasm.I32, depth-1), wasm.OpBrIf, 0)
		code = append(code, wasm.OpDrop)
		return append(g.expression(code, sc.inside(kind), kind, depth-1), wasm.OpEnd)
	case choice == 10:
		i := g.local(sc, kind)
		return wasm.AppendU32(append(g.expression(code, sc, kind, depth-1), wasm.OpLocalTee), i)
	case choice == 11:
		return g.load(code, sc, kind, depth)
	case choice == 12:
		return g.call(code, sc, kind, depth)
	}
	return g.convert(code, sc, kind, depth)
}

func (g *generator) local(sc scope, kind byte) uint32 {
	var fitting []uint32
	for i, t := range sc.locals {
		if t == kind {
			fitting = append(fitting, uint32(i))
		}
	}
	return fitting[g.rng.IntN(len(fitting))] // there is one of each at least
}

func (g *generator) leaf(code []byte, sc scope, kind byte) []byte {
	switch g.rng.IntN(4) {
	case 0:
		return wasm.AppendU32(append(code, wasm.OpLocalGet), g.local(sc, kind))
	case 1:
		for i, t := range valueKinds {
			if t == kind {
				return append(code, wasm.OpGlobalGet, byte(i))
			}
		}
	}
	switch kind {
	case wasm.I32:
		return wasm.AppendI64(append(code, wasm.OpI32Const), int64(int32(g.integer())))
	case wasm.I64:
		return wasm.AppendI64(append(code, wasm.OpI64Const), g.integer())
	case wasm.F32:
		return binary.LittleEndian.AppendUint32(append(code, wasm.OpF32Const), math.Float32bits(float32(g.float())))
	}
	return binary.LittleEndian.AppendUint64(append(code, wasm.OpF64Const), math.Float64bits(g.float()))
}

// integer favours the numbers at which things change.
func (g *generator) integer() int64 {
	switch g.rng.IntN(4) {
	case 0:
		return int64(g.rng.IntN(5)) - 2
	case 1:
		return []int64{math.MinInt32, math.MaxInt32, math.MinInt64, math.MaxInt64, 1 << 32, 0xffff}[g.rng.IntN(6)]
	}
	return int64(g.rng.Uint64())
}

func (g *generator) float() float64 {
	switch g.rng.IntN(4) {
	case 0:
		return []float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.MaxFloat64}[g.rng.IntN(7)]
	case 1:
		return math.NaN()
	}
	return g.rng.NormFloat64() * 1000
}

// pick returns an opcode of one of the ranges, each with its first and last.
func (g *generator) pick(ranges ...[2]byte) byte {
	r := ranges[g.rng.IntN(len(ranges))]
	return r[0] + byte(g.rng.IntN(int(r[1]-r[0])+1))
}

func (g *generator) operator(code []byte, sc scope, kind byte, depth int) []byte {
	operands, from, op := 2, kind, byte(0)
	single := g.rng.IntN(4) == 0
	switch {
	case kind == wasm.I32 && g.rng.IntN(3) == 0:
		from = g.kind() // a comparison
		op = map[byte]byte{wasm.I32: g.pick([2]byte{0x46, 0x4f}), wasm.I64: g.pick([2]byte{0x51, 0x5a}), wasm.F32: g.pick([2]byte{0x5b, 0x60}), wasm.F64: g.pick([2]byte{0x61, 0x66})}[from]
	case single:
		operands = 1
		op = map[byte]byte{wasm.I32: g.pick([2]byte{0x67, 0x69}, [2]byte{0xc0, 0xc1}, [2]byte{0x45, 0x45}), wasm.I64: g.pick([2]byte{0x79, 0x7b}, [2]byte{0xc2, 0xc4}), wasm.F32: g.pick([2]byte{0x8b, 0x91}), wasm.F64: g.pick([2]byte{0x99, 0x9f})}[kind]
	default:
		last32, last64 := byte(0x97), byte(0xa5)
		if g.nanBits { // copysign looks at a NaN's sign
			last32, last64 = 0x98, 0xa6
		}
		op = map[byte]byte{wasm.I32: g.pick([2]byte{0x6a, 0x78}), wasm.I64: g.pick([2]byte{0x7c, 0x8a}), wasm.F32: g.pick([2]byte{0x92, last32}), wasm.F64: g.pick([2]byte{0xa0, last64})}[kind]
	}
	for range operands {
		code = g.expression(code, sc, from, depth-1)
	}
	return append(code, op)
}

func (g *generator) load(code []byte, sc scope, kind byte, depth int) []byte {
	type load struct{ op, align byte }
	loads := map[byte][]load{
		wasm.I32: {{0x28, 2}, {0x2c, 0}, {0x2d, 0}, {0x2e, 1}, {0x2f, 1}},
		wasm.I64: {{0x29, 3}, {0x30, 0}, {0x35, 2}},
		wasm.F32: {{0x2a, 2}}, wasm.F64: {{0x2b, 3}},
	}[kind]
	l := loads[g.rng.IntN(len(loads))]
	return append(g.address(code, sc, depth), l.op, l.align, byte(g.rng.IntN(64)))
}

// call calls a function behind this one with the right result, if there is one.
func (g *generator) call(code []byte, sc scope, kind byte, depth int) []byte {
	for i := sc.function + 1; i < len(g.functions); i++ {
		callee := g.functions[i]
		if callee.result != kind || sc.loops > 1 {
			continue
		}
		for _, param := range callee.params {
			code = g.expression(code, sc, param, depth-2)
		}
		return append(code, wasm.OpCall, byte(i))
	}
	return g.leaf(code, sc, kind)
}

func (g *generator) convert(code []byte, sc scope, kind byte, depth int) []byte {
	type conversion struct {
		from byte
		code []byte
	}
	conversions := map[byte][]conversion{
		wasm.I32: {{wasm.I64, []byte{0xa7}}, {wasm.F32, []byte{0xfc, 0}}, {wasm.F64, []byte{0xfc, 3}}, {wasm.F64, []byte{0xaa}}},
		wasm.I64: {{wasm.I32, []byte{0xac}}, {wasm.I32, []byte{0xad}}, {wasm.F32, []byte{0xfc, 4}}, {wasm.F64, []byte{0xfc, 7}}},
		wasm.F32: {{wasm.I32, []byte{0xb2}}, {wasm.I64, []byte{0xb5}}, {wasm.F64, []byte{0xb6}}, {wasm.I32, []byte{0xbe}}},
		wasm.F64: {{wasm.I32, []byte{0xb8}}, {wasm.I64, []byte{0xb9}}, {wasm.F32, []byte{0xbb}}, {wasm.I64, []byte{0xbf}}},
	}
	if g.nanBits {
		conversions[wasm.I32] = append(conversions[wasm.I32], conversion{wasm.F32, []byte{0xbc}})
		conversions[wasm.I64] = append(conversions[wasm.I64], conversion{wasm.F64, []byte{0xbd}})
	}
	c := conversions[kind][g.rng.IntN(len(conversions[kind]))]
	return append(g.expression(code, sc, c.from, depth-1), c.code...)
}
