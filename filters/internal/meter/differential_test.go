package meter

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/tetratelabs/wazero"

	"weir/filters/internal/wasm"
)

// TestDifferential runs random modules and their metered copies side by side: results, traps, memory and globals must
// agree. WEIR_SEEDS sets how many, WEIR_SEED where to begin.
func TestDifferential(t *testing.T) {
	first, count := fromEnv(t, "WEIR_SEED", 1), fromEnv(t, "WEIR_SEEDS", seedsByDefault)
	for seed := first; seed < first+count; seed++ {
		g := &generator{rng: rand.New(rand.NewPCG(seed, 0))}
		module := g.module()
		original := newSubject(t, wazero.NewRuntimeConfig(), module)
		metered := newSubject(t, wazero.NewRuntimeConfig(), rewritten(t, module))
		for i, s := range g.functions {
			args := arguments(g, s)
			want, got := original.call(i, s, args), metered.call(i, s, args)
			if !want.agrees(got) {
				t.Fatalf("seed %d: f%d%v: original %v, metered %v", seed, i, args, want, got)
			}
		}
		original.close()
		metered.close()
	}
}

// TestMachinesAgree runs random metered modules, now with NaN bits in sight, compiled and interpreted: everything must be
// the same to the bit and to the unit of fuel.
func TestMachinesAgree(t *testing.T) {
	first, count := fromEnv(t, "WEIR_SEED", 1), fromEnv(t, "WEIR_SEEDS", seedsByDefault)
	for seed := first; seed < first+count; seed++ {
		g := &generator{rng: rand.New(rand.NewPCG(seed, 1)), nanBits: true}
		module := rewritten(t, g.module())
		compiled := newSubject(t, wazero.NewRuntimeConfig(), module)
		interpreted := newSubject(t, wazero.NewRuntimeConfigInterpreter(), module)
		compiled.slice = 7 // must make no difference
		for i, s := range g.functions {
			args := arguments(g, s)
			want, got := compiled.call(i, s, args), interpreted.call(i, s, args)
			if !want.equal(got) {
				t.Fatalf("seed %d: f%d%v: compiled %v, interpreted %v", seed, i, args, want, got)
			}
		}
		compiled.close()
		interpreted.close()
	}
}

// TestNothingRunsUncharged compares what random modules are charged with what runs: never less, and not much more.
func TestNothingRunsUncharged(t *testing.T) {
	exact := testConfig
	exact.exact = true
	first, count := fromEnv(t, "WEIR_SEED", 1), fromEnv(t, "WEIR_SEEDS", seedsByDefault)
	charged, ran := int64(0), int64(0)
	for seed := first; seed < first+count; seed++ {
		g := &generator{rng: rand.New(rand.NewPCG(seed, 2))}
		module := g.module()
		reference, err := rewriteWith(module, exact)
		if err != nil {
			t.Fatal(err)
		}
		planned, naive := newSubject(t, wazero.NewRuntimeConfig(), rewritten(t, module)), newSubject(t, wazero.NewRuntimeConfig(), reference)
		for i, s := range g.functions {
			args := arguments(g, s)
			got, want := planned.call(i, s, args), naive.call(i, s, args)
			if want.trap != "" {
				continue // what stands behind the trap was charged and did not run
			}
			if got.fuel < want.fuel {
				t.Fatalf("seed %d: f%d%v is charged %d, and uses %d", seed, i, args, got.fuel, want.fuel)
			}
			charged, ran = charged+got.fuel, ran+want.fuel
		}
		planned.close()
		naive.close()
	}
	t.Logf("%d units charged for %d", charged, ran)
	if count >= seedsByDefault && charged > ran*11/10 { // a single module may be made of nothing but branches
		t.Errorf("%d units are charged for %d", charged, ran)
	}
}

func fromEnv(t *testing.T, name string, otherwise uint64) uint64 {
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func arguments(g *generator, s signature) []uint64 {
	var args []uint64
	for _, kind := range s.params {
		switch kind {
		case wasm.I32:
			args = append(args, uint64(uint32(g.integer())))
		case wasm.I64:
			args = append(args, uint64(g.integer()))
		case wasm.F32:
			args = append(args, uint64(math.Float32bits(float32(g.float()))))
		default:
			args = append(args, math.Float64bits(g.float()))
		}
	}
	return args
}

// An outcome is everything that can be seen of a call.
type outcome struct {
	result  uint64
	trap    string
	globals [generatedGlobals]uint64
	memory  []byte
	fuel    int64 // used
	kind    byte  // of the result
}

func (o outcome) String() string {
	return fmt.Sprintf("{%#x %q globals %x, %d bytes of memory, %d fuel}", o.result, o.trap, o.globals, len(o.memory), o.fuel)
}

func (s *subject) call(function int, sig signature, args []uint64) outcome {
	s.reset(s.module)
	o := outcome{kind: sig.result}
	results, err := s.module.ExportedFunction("f"+strconv.Itoa(function)).Call(s.ctx, args...)
	if err != nil {
		o.trap = firstLine(err)
	} else {
		o.result = significant(sig.result, results[0])
	}
	for i, kind := range valueKinds {
		o.globals[i] = significant(kind, s.module.ExportedGlobal("g"+strconv.Itoa(i)).Get())
	}
	memory := s.module.Memory()
	view, _ := memory.Read(0, memory.Size())
	o.memory = bytes.Clone(view)
	o.fuel = s.spent(s.module)
	return o
}

// significant cuts off what wazero leaves above 32-bit values.
func significant(kind byte, bits uint64) uint64 {
	if kind == wasm.I32 || kind == wasm.F32 {
		return uint64(uint32(bits))
	}
	return bits
}

func (o outcome) equal(p outcome) bool {
	return o.result == p.result && o.fuel == p.fuel && o.same(p) && o.globals == p.globals
}

// agrees takes any NaN for any other, and leaves fuel aside.
func (o outcome) agrees(p outcome) bool {
	for i, kind := range valueKinds {
		if !sameValue(kind, o.globals[i], p.globals[i]) {
			return false
		}
	}
	return sameValue(o.kind, o.result, p.result) && o.same(p)
}

func (o outcome) same(p outcome) bool { return o.trap == p.trap && bytes.Equal(o.memory, p.memory) }

func sameValue(kind byte, a, b uint64) bool {
	switch kind {
	case wasm.F32:
		x, y := math.Float32frombits(uint32(a)), math.Float32frombits(uint32(b))
		return x != x && y != y || uint32(a) == uint32(b)
	case wasm.F64:
		x, y := math.Float64frombits(a), math.Float64frombits(b)
		return x != x && y != y || a == b
	}
	return a == b
}
