package meter

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"weir/filters/internal/wasm"
)

const (
	piecesPages   = 16
	piecesSegment = 5*pieceBytes + 123
)

// bulkModule has 16 pages of memory, which it exports, and functions that each do one bulk operation with their three parameters.
func bulkModule(segment []byte) []byte {
	operations := map[byte][]byte{'f': {0xfc, 11, 0}, 'c': {0xfc, 10, 0, 0}, 'i': {0xfc, 8, 0, 0}}
	names := []byte("fci")
	functions, exports, code := []byte{3}, []byte{4}, []byte{3}
	for i, name := range names {
		functions = append(functions, 0)
		exports = append(wasm.AppendName(exports, string(name)), byte(wasm.KindFunc), byte(i))
		body := []byte{0, wasm.OpLocalGet, 0, wasm.OpLocalGet, 1, wasm.OpLocalGet, 2}
		body = append(append(body, operations[name]...), wasm.OpEnd)
		code = append(wasm.AppendU32(code, uint32(len(body))), body...)
	}
	exports = append(wasm.AppendName(exports, "memory"), byte(wasm.KindMemory), 0)
	const passive = 1
	data := append(wasm.AppendU32([]byte{1, passive}, uint32(len(segment))), segment...)
	out := wasm.AppendPreamble(nil)
	out = wasm.AppendSection(out, wasm.SectionType, []byte{1, 0x60, 3, wasm.I32, wasm.I32, wasm.I32, 0})
	out = wasm.AppendSection(out, wasm.SectionFunction, functions)
	out = wasm.AppendSection(out, wasm.SectionMemory, []byte{1, 0, piecesPages})
	out = wasm.AppendSection(out, wasm.SectionExport, exports)
	out = wasm.AppendSection(out, wasm.SectionDataCount, []byte{1})
	out = wasm.AppendSection(out, wasm.SectionCode, code)
	return wasm.AppendSection(out, wasm.SectionData, data)
}

// A watched is a metered bulkModule whose memory is compared at each tick with what it was at the one before.
type watched struct {
	*subject
	before  []byte
	changed int // the most bytes at once
}

func (w *watched) look() {
	now := w.view()
	n := 0
	const block = 1 << 12
	for at := 0; at < len(now); at += block {
		a, b := now[at:at+block], w.before[at:at+block]
		if bytes.Equal(a, b) {
			continue
		}
		for i := range a {
			if a[i] != b[i] {
				n++
			}
		}
		copy(b, a)
	}
	w.changed = max(w.changed, n)
}

func (s *subject) view() []byte {
	view, _ := s.module.Memory().Read(0, s.module.Memory().Size())
	return view
}

func (s *subject) bulk(function string, operands [3]uint32) error {
	s.reset(s.module)
	_, err := s.module.ExportedFunction(function).Call(s.ctx, uint64(operands[0]), uint64(operands[1]), uint64(operands[2]))
	return err
}

// TestBulkOperationsInPieces compares bulk operations, in pieces, with the original ones: results, traps, and that a trap comes before
// anything is written. Between two pieces the host is called.
func TestBulkOperationsInPieces(t *testing.T) {
	seed := fromEnv(t, "WEIR_SEED", rand.Uint64())
	t.Logf("WEIR_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	module := bulkModule(noise(rng, piecesSegment))
	count := 150
	if raceEnabled || os.Getenv("WEIR_SEED") != "" {
		count = 60
	}
	for name, config := range map[string]wazero.RuntimeConfig{"compiled": wazero.NewRuntimeConfig(), "interpreted": wazero.NewRuntimeConfigInterpreter()} {
		original, metered := newSubject(t, config, module), newWatched(t, config, module)
		trapped := 0
		for range count {
			copy(metered.view(), noise(rng, piecesPages<<16))
			copy(original.view(), metered.view())
			copy(metered.before, metered.view())
			function := string("fci"[rng.IntN(3)])
			operands := bulkOperands(rng, function)
			want, got := original.bulk(function, operands), metered.bulk(function, operands)
			metered.look()
			if fmt.Sprint(firstOf(want)) != fmt.Sprint(firstOf(got)) || !bytes.Equal(original.view(), metered.view()) {
				t.Fatalf("%s, %s%v: %v, want %v; memory is the same: %v", name, function, operands, got, want, bytes.Equal(original.view(), metered.view()))
			}
			if want != nil {
				trapped++
			}
		}
		if metered.changed > pieceBytes || metered.changed < pieceBytes/2 || metered.pauses == 0 || trapped == 0 || trapped == count {
			t.Errorf("%s: up to %d bytes written at once, %d pauses, %d traps", name, metered.changed, metered.pauses, trapped)
		}
		original.close()
		metered.close()
	}
}

func newWatched(t *testing.T, config wazero.RuntimeConfig, module []byte) *watched {
	w := &watched{subject: newSubject(t, config, rewritten(t, module)), before: make([]byte, piecesPages<<16)}
	w.ticked = func(api.Module) { w.look() }
	return w
}

func firstOf(err error) string {
	if err == nil {
		return ""
	}
	return firstLine(err)
}

func noise(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := 0; i < n; i += 8 {
		word := rng.Uint64()
		for k := i; k < min(i+8, n); k++ {
			b[k] = byte(word >> (8 * (k - i)))
		}
	}
	return b
}

// bulkOperands favours the edges: of pieces, of memory, of the segment, of 32 bits, and overlaps of any distance.
func bulkOperands(rng *rand.Rand, function string) [3]uint32 {
	const all = piecesPages << 16
	near := func(n uint32) uint32 { return n + uint32(rng.IntN(5)) - 2 }
	length := []uint32{
		near(pieceBytes), near(2 * pieceBytes), uint32(rng.IntN(all)), uint32(rng.IntN(5 * pieceBytes)), near(5 * pieceBytes), 0, near(1 << 31), near(0),
	}[rng.IntN(8)]
	to := []uint32{uint32(rng.IntN(all)), uint32(rng.IntN(pieceBytes)), near(all) - length, near(0), near(all)}[rng.IntN(5)]
	from := []uint32{uint32(rng.IntN(all)), near(to), to + uint32(rng.IntN(pieceBytes)), to - uint32(rng.IntN(pieceBytes)), near(all) - length}[rng.IntN(5)]
	if function == "i" && rng.IntN(4) > 0 {
		from = []uint32{near(piecesSegment) - length, near(0), uint32(rng.IntN(pieceBytes))}[rng.IntN(3)]
	}
	return [3]uint32{to, from, length}
}

// TestPiecesOfADroppedSegment has a long memory.init find that there is nothing to read any more.
func TestPiecesOfADroppedSegment(t *testing.T) {
	module := bulkModule(make([]byte, piecesSegment))
	// The fill becomes data.drop 0, with its operands dropped before.
	fill := []byte{wasm.OpLocalGet, 0, wasm.OpLocalGet, 1, wasm.OpLocalGet, 2, 0xfc, 11, 0}
	drop := []byte{wasm.OpNop, wasm.OpNop, wasm.OpNop, wasm.OpNop, wasm.OpNop, wasm.OpNop, 0xfc, 9, 0}
	module = bytes.Replace(module, fill, drop, 1)
	s := newSubject(t, wazero.NewRuntimeConfig(), rewritten(t, module))
	defer s.close()
	if err := s.bulk("i", [3]uint32{0, 0, piecesSegment}); err != nil {
		t.Fatal(err)
	}
	if err := s.bulk("f", [3]uint32{}); err != nil {
		t.Fatal(err)
	}
	if err := s.bulk("i", [3]uint32{0, 0, piecesSegment}); err == nil || !strings.Contains(err.Error(), "out of bounds memory access") {
		t.Error(err)
	}
}

// What is charged by length is not sold below a third of what plain code costs: DESIGN.md, "Fuel", has what was measured.
func TestPricesOfLength(t *testing.T) {
	for op, want := range map[uint32]bulk{
		wasm.OpMemoryFill: {down: 2}, wasm.OpMemoryCopy: {down: 2}, wasm.OpMemoryInit: {down: 2},
		wasm.OpTableFill: {}, wasm.OpTableCopy: {}, wasm.OpTableInit: {}, wasm.OpMemoryGrow: {up: 16},
	} {
		if got, ok := bulkOf(op); !ok || got != want {
			t.Errorf("operation %#x is charged by %+v", op, got)
		}
	}
}
