package filters

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero/api"

	wt "weir/filters/internal/wasmtest"
)

// hostileFolder has modules for measuring what neighbours cost each other on an edge (edge/neighbours_test.go).
const hostileFolder = "testdata/hostile"

// burners take nearly all the fuel of a call, and answer: nothing suspends them.
func burners() map[string]*wt.Module {
	zero := wt.Const64(0)
	grown := func(code ...[]byte) *wt.Module {
		return wt.Guest().With(wt.GuestMatch, wt.Const(150), wt.Grow(), wt.Drop(), wt.Code(code...), zero)
	}
	mul, and := []byte{0x6c}, []byte{0x71}
	return map[string]*wt.Module{
		"burns":             wt.Guest().With(wt.GuestMatch, wt.Repeat(5, 40_000_000), zero),
		"burns by division": wt.Guest().With(wt.GuestMatch, wt.Repeat(5, 5_000_000, wt.Const(7), wt.LocalGet(5), []byte{0x6e}, wt.Drop()), zero),
		// Every read is of another line of 8 MiB.
		"misses the cache": grown(wt.Repeat(5, 4_000_000, wt.LocalGet(5), wt.Const(4099*64), mul, wt.Const(0x7fffc0), and, wt.Load(), wt.Drop())),
		"fills memory":     grown(wt.Repeat(5, 10, wt.Const(1<<20), wt.LocalGet(5), wt.Const(140<<16), wt.Fill())),
		"grows and leaves": grown(),
	}
}

// TestHostileModulesAreOnFile compares the files with what they are made of. WEIR_WRITE=1 makes them.
func TestHostileModulesAreOnFile(t *testing.T) {
	want := burners()
	for name, h := range hostileModules() {
		switch name {
		case "loop in match", "loop that fills", "tree of calls", "recursion":
			want[name] = h.module
		}
	}
	for name, h := range endlessModules() {
		switch name {
		case "memory bomb", "loop that copies", "loop that divides", "recursion in a loop", "loop that grows":
			want[name] = h.module
		}
	}
	for name, m := range maps.All(want) {
		path := filepath.Join(hostileFolder, strings.ReplaceAll(name, " ", "-")+".wasm")
		if os.Getenv("WEIR_WRITE") != "" {
			if err := os.WriteFile(path, m.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, m.Bytes()) {
			t.Errorf("%s is not what it should be (%v): WEIR_WRITE=1 go test ./filters -run OnFile", path, err)
		}
	}
	if files, err := os.ReadDir(hostileFolder); err != nil || len(files) != len(want) {
		t.Errorf("%d files instead of %d: %v", len(files), len(want), err)
	}
}

// TestBurnersAnswer makes sure that nothing suspends them.
func TestBurnersAnswer(t *testing.T) {
	e := newEngine(t, Config{})
	for name, m := range burners() {
		f := open(t, e, m.Bytes())
		used := spent(f, func() {
			if matches(t, f, event(t, "{}"), nil) {
				t.Errorf("%s says yes", name)
			}
		})
		t.Logf("%s: %d million units", name, used/1_000_000)
	}
}

// A comeback is when a guest came back to its host in the middle of a call.
type comeback struct {
	used  int64 // fuel by then, with what is paid for and not done yet
	pause bool  // between two pieces of a bulk operation
	pages int64 // of memory
}

// comebacks makes a call on an instance of its own, and returns when the guest came back, the end last.
func comebacks(t *testing.T, f *Filter, call int) (all []comeback) {
	t.Helper()
	in, err := f.pool.instantiate(t.Context(), seat{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.pool.discard(in)
	in.governor.now = func() time.Time {
		left := int64(in.fuel.Get())
		all = append(all, comeback{int64(in.governor.used(left)), left >= 0, int64(in.memory.Size() / pageBytes)})
		return time.Time{}.Add(time.Duration(len(all)) * time.Nanosecond)
	}
	var set Set
	for range hostileGroups {
		set.Add(nil)
	}
	ev := event(t, "{}")
	switch call { // whether it fails is not what this is about
	case callMatch:
		_ = in.decide(ev, set.pack())
	case callPrepareMuch:
		_, _ = in.call(in.prepare, f.limits.PreparedBytes, make([]byte, 10<<10))
	default:
		function := map[int]api.Function{callPrepare: in.prepare, callProject: in.project, callKeys: in.keys, callInterest: in.interest}[call]
		_, _ = in.call(function, f.limits.OutputBytes, ev)
	}
	return append(all, comeback{pages: int64(in.memory.Size() / pageBytes)}) // its end
}

// TestNoGuestKeepsItsHostWaiting bounds what any hostile module does without coming back, in units of fuel: a slice and a piece of a
// bulk operation. What long ones pay for beforehand is done piece by piece, and memory grows without anything being moved.
func TestNoGuestKeepsItsHostWaiting(t *testing.T) {
	const (
		piece    = 64 << 10 >> 3 // what a piece of 64 KiB costs
		page     = 1 << 14
		straight = 20_000 // the most between two places where these modules look whether their slice is used up
	)
	limits := testLimits
	limits.MemoryPages = 0 // the default: what can't grow has paid for nothing
	e := newEngine(t, Config{Limits: limits})
	modules := hostileModules()
	maps.Copy(modules, endlessModules())
	for name, m := range burners() {
		modules[name] = hostile{module: m, call: callMatch}
	}
	longest, culprit, pauses := int64(0), "", 0
	for name, h := range modules {
		all := comebacks(t, open(t, e, h.module.Bytes()), h.call)
		before := int64(0)
		for i := 0; i < len(all)-1; {
			ran := all[i].used - before
			before = all[i].used
			next := i + 1
			for ; all[next].pause; next++ {
				ran -= piece // was paid for, and done after that
				pauses++
			}
			if ran -= (all[next].pages - all[i].pages) * page; ran > longest {
				longest, culprit = ran, name
			}
			i = next
		}
	}
	t.Logf("%d modules, %d pauses: at most %d units without coming back, by %q", len(modules), pauses, longest, culprit)
	if longest > slice+piece+straight || pauses == 0 {
		t.Errorf("%q runs for %d units without coming back", culprit, longest)
	}
}
