package meter

import "math"

// A region is the instructions that can run, each at most once, before a loop's head or the function's entry is passed
// again. It is charged as a whole: at most what is charged is executed, never more.
type region struct {
	cost uint64
}

// A function is one body, taken apart.
type function struct {
	groups  uint32 // of declared locals
	decls   []byte // their declarations, without the count
	locals  uint64 // parameters and declared locals
	body    []byte
	instrs  []instr
	loops   []int // by instr that is a loop, in order: its region
	regions []region
	// needs tells what has to be kept in locals.
	calls, bulks, reload bool
	repairs              map[int]repair // by instr

	fuelGlobal, depthGlobal uint32
}

// parseFunction takes a body apart; params is how many parameters the function has, globals how many the module has.
func parseFunction(r *reader, params int, globals uint32) (*function, error) {
	f := &function{locals: uint64(params), regions: []region{{}}, fuelGlobal: globals, depthGlobal: globals + 1}
	if err := f.parseLocals(r); err != nil {
		return nil, err
	}
	f.body = r.b[r.pos:]
	if err := f.parseBody(&reader{b: f.body, off: r.at()}); err != nil {
		return nil, err
	}
	f.reload = f.calls && (len(f.loops) > 0 || f.bulks)
	f.repairs = repairs(f.instrs)
	return f, nil
}

func (f *function) parseLocals(r *reader) error {
	at := r.at()
	groups, err := r.u32()
	if err != nil {
		return err
	}
	if uint64(groups) > uint64(r.len()) {
		return malformed(at, "%d groups of locals in %d bytes", groups, r.len())
	}
	start := r.pos
	for range groups {
		n, err := r.u32()
		if err != nil {
			return err
		}
		t, err := r.byte()
		if err != nil {
			return err
		}
		if t == typeVector {
			return refused("vector (SIMD) local at byte %d", r.at())
		}
		f.locals += uint64(n)
	}
	// Four more are added at most, and indexes have 32 bits.
	if f.locals > math.MaxUint32-4 {
		return malformed(at, "%d locals", f.locals)
	}
	f.groups, f.decls = groups, r.b[start:r.pos]
	return nil
}

// parseBody lists the instructions and adds up what each region costs.
func (f *function) parseBody(r *reader) error {
	// open holds, per construct that is open, the region that goes on behind its end.
	open := []int{0}
	current := 0
	for len(open) > 0 {
		in, err := next(r)
		if err != nil {
			return err
		}
		if err := f.check(&in); err != nil {
			return err
		}
		f.instrs = append(f.instrs, in)
		f.regions[current].cost += in.cost()
		if _, ok := in.bulk(); ok {
			f.bulks = true
		}
		switch in.op {
		case opBlock, opIf:
			open = append(open, current)
		case opLoop:
			open = append(open, current)
			current = len(f.regions)
			f.regions = append(f.regions, region{})
			f.loops = append(f.loops, current)
		case opEnd:
			current = open[len(open)-1]
			open = open[:len(open)-1]
		case opCall, opCallIndirect:
			f.calls = true
		}
	}
	if !r.end() {
		return malformed(r.at(), "bytes behind the function's end")
	}
	return nil
}

// check keeps a function off the locals and globals that are added: what it names must be the module's own.
func (f *function) check(in *instr) error {
	switch in.op {
	case opLocalGet, opLocalSet, opLocalTee:
		if uint64(in.index) >= f.locals {
			return malformed(in.off, "unknown local %d", in.index)
		}
	case opGlobalGet, opGlobalSet:
		if in.index >= f.fuelGlobal {
			return malformed(in.off, "unknown global %d", in.index)
		}
	}
	return nil
}

// frame is what a call counts towards MaxDepth. A compiled frame holds locals and temporaries; there can't be more of
// the latter than instructions.
func (f *function) frame() int64 {
	return 1 + int64((f.locals+uint64(len(f.instrs)))>>10)
}

// Offsets of the added locals, behind the function's own. Not every function uses all; an unused local costs nothing.
const (
	localFuel   = iota // i64: copy of the global, so that a loop's own charges need not wait for memory
	localDepth         // i32: with this call
	localLength        // i32: of a bulk operation
	localF32
	localF64
	addedLocals = iota
)

func (f *function) local(which int) uint32 { return uint32(f.locals) + uint32(which) }

// rewrite returns the body with its charges.
func (f *function) rewrite() []byte {
	out := appendU32(make([]byte, 0, 2*len(f.body)+len(f.decls)+64), f.groups+addedLocals)
	out = append(out, f.decls...)
	for _, t := range [addedLocals]byte{localFuel: typeI64, localDepth: typeI32, localLength: typeI32, localF32: typeF32, localF64: typeF64} {
		out = append(out, 1, t)
	}
	e := &emitter{out: out, f: f}
	e.entry()
	loop := 0
	for i := range f.instrs {
		in := &f.instrs[i]
		if length, ok := in.bulk(); ok {
			e.chargeLength(length)
		}
		if in.op == opCall || in.op == opCallIndirect {
			e.beforeCall()
		}
		e.out = append(e.out, f.body[in.start:in.end]...)
		switch in.op {
		case opLoop:
			e.charge(f.regions[f.loops[loop]].cost)
			e.trapIfSpent()
			loop++
		case opCall, opCallIndirect:
			e.afterCall()
		}
		e.repair(f.repairs[i])
	}
	return e.out
}
