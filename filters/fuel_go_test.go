//go:build !race

// One goroutine alone, and minutes with the race detector in the interpreter.

package filters

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"

	"weir/filters/examples"
	"weir/filters/sdk"
	"weir/filters/toolchain"
)

// goGuest builds the filter in a file of Go, and skips the test loudly where there is no Go.
func goGuest(t testing.TB, source string) []byte {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	file, err := sdk.Write(dir, "guest", toolchain.Go)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("weir/filters/sdk/go"), []byte("example.com/guest/weir"))
	if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	module, err := toolchain.Build(t.Context(), toolchain.Source{Dir: dir, Language: toolchain.Go, Module: "build/guest.wasm"}, &output)
	if missing := (*toolchain.MissingError)(nil); errors.As(err, &missing) {
		t.Skipf("######## GO GUESTS ARE NOT TESTED: %v (%s) ########", err, missing.Hint)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, output.String())
	}
	return module
}

// machines opens a module compiled and interpreted.
func machines(t testing.TB, module []byte) (compiled, interpreted *Filter) {
	t.Helper()
	other := newEngine(t, Config{})
	other.machine = wazero.NewRuntimeConfigInterpreter
	return open(t, newEngine(t, Config{}), module), open(t, other, module)
}

// A goCall is a call of match that stands for itself: which it is, and what it is about.
type goCall struct {
	event []byte
	set   *Set
}

// goCalls prepares sets of some sizes and makes events of some sizes.
func goCalls(t testing.TB, f *Filter, params string) (calls []goCall) {
	t.Helper()
	prepared := prepare(t, f, params)
	for _, groups := range []int{1, 10, 300} {
		set := &Set{}
		for range groups {
			set.Add(prepared)
		}
		for _, padding := range []int{1, 200, 5000} {
			ev := event(t, fmt.Sprintf(`{"lon":8.5,"lat":47.4,"origin":"ZRH","padding":"%0*d"}`, padding, groups))
			calls = append(calls, goCall{event: ev, set: set})
		}
	}
	return calls
}

func (c goCall) fuel(t testing.TB, f *Filter) uint64 {
	t.Helper()
	return spent(f, func() {
		if err := f.Match(t.Context(), c.event, c.set, NewBitmap(c.set.Slots())); err != nil {
			t.Fatal(err)
		}
	})
}

// TestFuelOfGoGuests calls a guest that allocates nothing itself, in any order, with instances that are new, used and put
// back, compiled and interpreted: the same call takes the same fuel to the unit.
func TestFuelOfGoGuests(t *testing.T) {
	t.Parallel()
	compiled, interpreted := machines(t, goGuest(t, filepath.Join("sdk", "go", "viewport", "viewport.go")))
	params := examples.Viewport().Params
	calls := goCalls(t, compiled, params)
	want := make([]uint64, len(calls))
	wantPrepare := spent(compiled, func() { prepare(t, compiled, params) })
	rng := rand.New(rand.NewPCG(1, 0))
	for name, f := range map[string]*Filter{"compiled": compiled, "interpreted": interpreted} {
		for range 3 * restoreEvery {
			i := rng.IntN(len(calls))
			got := calls[i].fuel(t, f)
			if want[i] == 0 {
				want[i] = got
			}
			if got != want[i] {
				t.Fatalf("%s: call %d of an instance takes %d, want %d", name, f.pool.idle[0].calls, got, want[i])
			}
			if rng.IntN(50) == 0 {
				if got := spent(f, func() { prepare(t, f, params) }); got != wantPrepare {
					t.Fatalf("%s: preparing takes %d, want %d", name, got, wantPrepare)
				}
			}
		}
	}
}

// TestFuelOfAllocatingGoGuests holds for guests whose calls depend on where their allocator is: a call for one subscriber
// alone takes the same fuel always, and others do after the same calls.
func TestFuelOfAllocatingGoGuests(t *testing.T) {
	t.Parallel()
	compiled, interpreted := machines(t, goGuest(t, filepath.Join("testdata", "allocating.go.txt")))
	const params = `{"origin":"ZRH"}`
	calls := goCalls(t, compiled, params)
	wantPrepare := spent(compiled, func() { prepare(t, compiled, params) })
	var want []uint64
	for name, f := range map[string]*Filter{"compiled": compiled, "compiled, again": compiled, "interpreted": interpreted} {
		if got := spent(f, func() { prepare(t, f, params) }); got != wantPrepare {
			t.Errorf("%s: preparing takes %d, want %d", name, got, wantPrepare)
		}
		var got []uint64 // from a restored instance to a restored instance
		for i := range restoreEvery {
			got = append(got, calls[i%len(calls)].fuel(t, f))
		}
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the same calls take %d, want %d", name, got, want)
		}
	}
	least, most := want[0], want[0]
	for i := 0; i < len(want); i += len(calls) {
		least, most = min(least, want[i]), max(most, want[i])
	}
	t.Logf("one call takes %d to %d, depending on those before it", least, most)
}
