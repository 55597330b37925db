package meter

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// TestDifferential runs random modules and their metered copies side by side: results, traps, memory and globals must
// agree. WEIR_SEEDS sets how many, WEIR_SEED where to begin.
func TestDifferential(t *testing.T) {
	first, count := fromEnv(t, "WEIR_SEED", 1), fromEnv(t, "WEIR_SEEDS", 400)
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
	first, count := fromEnv(t, "WEIR_SEED", 1), fromEnv(t, "WEIR_SEEDS", 400)
	for seed := first; seed < first+count; seed++ {
		g := &generator{rng: rand.New(rand.NewPCG(seed, 1)), nanBits: true}
		module := rewritten(t, g.module())
		compiled := newSubject(t, wazero.NewRuntimeConfig(), module)
		interpreted := newSubject(t, wazero.NewRuntimeConfigInterpreter(), module)
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

func rewritten(t *testing.T, module []byte) []byte {
	t.Helper()
	metered, err := Rewrite(module, 0)
	if err != nil {
		t.Fatal(err)
	}
	return metered
}

func arguments(g *generator, s signature) []uint64 {
	var args []uint64
	for _, kind := range s.params {
		switch kind {
		case typeI32:
			args = append(args, uint64(uint32(g.integer())))
		case typeI64:
			args = append(args, uint64(g.integer()))
		case typeF32:
			args = append(args, uint64(math.Float32bits(float32(g.float()))))
		default:
			args = append(args, math.Float64bits(g.float()))
		}
	}
	return args
}

// A subject is an instance of a generated module.
type subject struct {
	ctx     context.Context
	runtime wazero.Runtime
	module  api.Module
}

func newSubject(t *testing.T, config wazero.RuntimeConfig, module []byte) *subject {
	t.Helper()
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, config.WithCoreFeatures(api.CoreFeaturesV2))
	instance, err := runtime.Instantiate(ctx, module)
	if err != nil {
		t.Fatalf("the generated module is not valid: %v", err)
	}
	return &subject{ctx: ctx, runtime: runtime, module: instance}
}

func (s *subject) close() { _ = s.runtime.Close(s.ctx) }

// An outcome is everything that can be seen of a call.
type outcome struct {
	result  uint64
	trap    string
	globals [generatedGlobals]uint64
	memory  []byte
	fuel    uint64 // left
	kind    byte   // of the result
}

func (o outcome) String() string {
	return fmt.Sprintf("{%#x %q globals %x, %d bytes of memory, %d fuel}", o.result, o.trap, o.globals, len(o.memory), o.fuel)
}

func (s *subject) call(function int, sig signature, args []uint64) outcome {
	fuel, counts := s.module.ExportedGlobal(FuelExport).(api.MutableGlobal)
	if counts {
		fuel.Set(plenty)
		s.module.ExportedGlobal(DepthExport).(api.MutableGlobal).Set(0)
	}
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
	if counts {
		o.fuel = fuel.Get()
	}
	return o
}

// significant cuts off what wazero leaves above 32-bit values.
func significant(kind byte, bits uint64) uint64 {
	if kind == typeI32 || kind == typeF32 {
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
	case typeF32:
		x, y := math.Float32frombits(uint32(a)), math.Float32frombits(uint32(b))
		return x != x && y != y || uint32(a) == uint32(b)
	case typeF64:
		x, y := math.Float64frombits(a), math.Float64frombits(b)
		return x != x && y != y || a == b
	}
	return a == b
}
