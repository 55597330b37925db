package filters

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
