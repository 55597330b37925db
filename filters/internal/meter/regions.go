package meter

import "weir/filters/internal/wasm"

// A region is instructions that are charged together, at a place that is passed before any of them runs. Most are certain
// to run then; those that are not make up its slop, for which a caller pays whether they run or not.
type region struct {
	cost int64
	slop int64
}

// maxSlop is how much of a region need not run: charging costs some instructions, so it doesn't pay for less.
const maxSlop = 16

// A construct is an open block, loop, if, or the function itself, with what goes on behind its end: code there is charged
// where the construct began, or later.
type construct struct {
	region  *region
	certain bool // to be reached from the place where region is charged
	escaped bool // something inside branches to beyond the code behind the end
	dead    bool // not to be reached at all
}

// A planner goes through a function's instructions in order.
type planner struct {
	f    *function
	open []construct
	construct
}

// plan decides which instructions are charged where: at the function's entry, at the heads of loops, and where code that
// need not run begins and is worth it.
func (f *function) plan() {
	f.loops, f.charges = map[int]*region{}, map[int]*region{}
	p := &planner{f: f, construct: construct{region: &f.entry, certain: true}}
	p.enter()
	for i := 0; i < len(f.instrs); {
		end, cost := f.straight(i)
		p.account(i, cost)
		for ; i < end; i++ {
			p.step(i)
		}
	}
}

// straight returns the end of the code that runs in a row from i on, and its cost. The instruction that may branch belongs
// to it.
func (f *function) straight(i int) (end int, total int64) {
	for ; i < len(f.instrs); i++ {
		op := f.instrs[i].Op
		total += cost(op)
		switch op {
		case wasm.OpLoop, wasm.OpIf, wasm.OpElse, wasm.OpEnd, wasm.OpBr, wasm.OpBrIf, wasm.OpBrTable, wasm.OpReturn, wasm.OpUnreachable:
			return i + 1, total
		}
	}
	return i, total
}

// account has the straight code that begins at instruction i paid for.
func (p *planner) account(i int, cost int64) {
	switch {
	case p.dead || cost == 0:
	case p.certain && (!p.f.cfg.exact || p.region.cost == 0):
		p.region.cost += cost
	case !p.certain && p.region.slop+cost <= maxSlop && !p.f.cfg.exact:
		p.region.cost += cost
		p.region.slop += cost
	default:
		p.region, p.certain = &region{cost: cost}, true
		p.f.charges[i] = p.region
	}
}

// step follows the flow behind an instruction.
func (p *planner) step(i int) {
	switch in := p.f.instrs[i]; in.Op {
	case wasm.OpBlock:
		p.enter()
	case wasm.OpLoop:
		p.enter()
		p.region, p.certain = &region{}, true
		p.f.loops[i] = p.region
	case wasm.OpIf:
		p.enter()
		p.certain = false
	case wasm.OpElse:
		begun := p.open[len(p.open)-1]
		p.region, p.dead, p.certain = begun.region, begun.dead, false
	case wasm.OpEnd:
		last := len(p.open) - 1
		p.construct, p.open = p.open[last], p.open[:last]
		p.certain = p.certain && !p.escaped
	case wasm.OpBrIf:
		p.escape(int(in.Index))
		p.certain = false
	case wasm.OpBr:
		p.escape(int(in.Index))
		p.dead = true
	case wasm.OpBrTable:
		p.escape(p.f.farthest(in))
		p.dead = true
	case wasm.OpReturn:
		p.escape(len(p.open))
		p.dead = true
	case wasm.OpUnreachable:
		p.dead = true
	}
}

// enter opens a construct.
func (p *planner) enter() {
	begun := p.construct
	begun.escaped = false
	p.open = append(p.open, begun)
}

// escape notes a branch to the end of the construct with this index, the innermost being 0: what stands behind the ends of
// those inside of it is passed over.
func (p *planner) escape(label int) {
	for i := range min(label, len(p.open)) {
		p.open[len(p.open)-1-i].escaped = true
	}
}

// farthest returns the outermost label of a br_table.
func (f *function) farthest(in wasm.Instruction) (label int) {
	r := wasm.NewReader(f.m.Data, in.Start+1, in.End)
	for range r.U32() + 1 {
		label = max(label, int(r.U32()))
	}
	return label
}
