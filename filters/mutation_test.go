package filters

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"weir/filters/examples"
	"weir/proto/fault"
)

// mutationsPerSeed: most are refused in no time, the others compiled and called.
const mutationsPerSeed = 20

// TestMutatedModules uploads real modules with random damage, and runs those that are modules still. Each is refused with
// a reason, or answers, or fails by itself: nothing panics and nothing hangs.
func TestMutatedModules(t *testing.T) {
	originals := [][]byte{examples.Viewport().Module, examples.Threshold().Module, examples.Redact().Module}
	for _, file := range []string{"sdk/c/viewport/viewport.wasm", "sdk/assemblyscript/viewport/viewport.wasm"} {
		module, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		originals = append(originals, module)
	}
	opened, failed := 0, 0
	for seed := range seeds(t, "WEIR_SEED", "WEIR_SEEDS", 4) {
		rng := rand.New(rand.NewPCG(seed, 4))
		engine := newEngine(t, Config{Limits: testLimits})
		for i := range mutationsPerSeed {
			module := mutated(rng, originals)
			f, err := engine.Open(t.Context(), module)
			if err != nil {
				mustBeFault(t, seed, i, err, fault.ModuleInvalid, fault.ModuleTooLarge)
				continue
			}
			opened++
			failed += tryOut(t, seed, i, f)
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Logf("%d modules could be opened, %d of their calls failed", opened, failed)
}

// tryOut makes each call once and returns how many have failed.
func tryOut(t *testing.T, seed uint64, i int, f *Filter) (failed int) {
	ctx, ev := context.Background(), event(t, benchPayload)
	prepared, err := f.Prepare(ctx, []byte(examples.Viewport().Params))
	if err != nil {
		failed++
		mustBeFault(t, seed, i, err, fault.FilterParams, fault.FilterFailed)
	}
	set := &Set{}
	set.Add(prepared)
	set.Add(bytes.Repeat([]byte{0xff}, 100))
	_, projects := f.Project(ctx, ev, prepared, nil)
	_, keys := f.Keys(ctx, ev, nil)
	_, interest := f.Interest(ctx, prepared, nil)
	for _, err := range []error{f.Match(ctx, ev, set, NewBitmap(set.Slots())), projects, keys, interest} {
		if err != nil {
			failed++
			mustBeFault(t, seed, i, err, fault.FilterFailed)
		}
	}
	return failed
}

func mustBeFault(t *testing.T, seed uint64, i int, err error, codes ...fault.Code) {
	t.Helper()
	var f *fault.Fault
	if errors.As(err, &f) {
		for _, code := range codes {
			if f.Code == code && f.Message != "" {
				return
			}
		}
	}
	t.Errorf("seed %d, mutation %d: %v", seed, i, err)
}

// alike are instructions with the same types, so that one in place of another keeps a module valid and makes it odd: i32
// comparisons, i32 arithmetic, i64 arithmetic, f64 comparisons. Each is the first and the last of them.
var alike = [][2]byte{{0x46, 0x4f}, {0x6a, 0x78}, {0x7c, 0x8a}, {0x61, 0x66}}

// swapped replaces a few instructions, or what looks like some, by others that are alike.
func swapped(rng *rand.Rand, m []byte, at func() int) {
	for range 1 + rng.IntN(4) {
		for i := at(); i < len(m); i++ {
			kind := slices.IndexFunc(alike, func(r [2]byte) bool { return m[i] >= r[0] && m[i] <= r[1] })
			if kind >= 0 {
				first, last := alike[kind][0], alike[kind][1]
				m[i] = first + byte(rng.IntN(int(last-first)+1))
				break
			}
		}
	}
}

// mutated returns a module with damage of one kind: instructions swapped, bits flipped, bytes replaced by telling ones, a
// piece cut out, repeated, or taken from another module. Half the time the damage is in the last half, where the code is.
func mutated(rng *rand.Rand, originals [][]byte) []byte {
	m := bytes.Clone(originals[rng.IntN(len(originals))])
	least := 8 // behind the preamble, without which nothing else is looked at
	if rng.IntN(2) == 0 {
		least = len(m) / 2
	}
	at := func() int { return least + rng.IntN(len(m)-least) }
	piece := func() (from, to int) {
		from = at()
		return from, min(len(m), from+1+rng.IntN(32))
	}
	switch from, to := piece(); rng.IntN(8) {
	case 0:
		for range 1 + rng.IntN(3) {
			m[at()] ^= 1 << rng.IntN(8)
		}
	case 1:
		telling := []byte{0x00, 0x01, 0x0b, 0x40, 0x7f, 0x80, 0xff, 0x0c, 0x10, 0x41}
		for range 1 + rng.IntN(3) {
			m[at()] = telling[rng.IntN(len(telling))]
		}
	case 2:
		m = append(m[:from], m[to:]...)
	case 3:
		m = append(m[:to:to], m[from:]...)
	case 4:
		other := originals[rng.IntN(len(originals))]
		copy(m[from:to], other[rng.IntN(len(other)):])
	default:
		swapped(rng, m, at)
	}
	return m
}
