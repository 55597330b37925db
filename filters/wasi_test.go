package filters

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	wt "weir/filters/internal/wasmtest"
	"weir/proto/fault"
)

// importsWASI returns a guest that imports one of wasiCalls.
func importsWASI(c *wasiCall) *wt.Module {
	params, results := c.types()
	m := wt.Guest()
	m.Imports = []wt.Import{{Module: hostWASI, Name: c.name, Params: params, Results: results}}
	return m
}

func TestGuestsMayImportWhatGoNeeds(t *testing.T) {
	e := newEngine(t, Config{})
	for i := range wasiCalls {
		if _, err := e.Inspect(t.Context(), importsWASI(&wasiCalls[i]).Bytes()); err != nil {
			t.Errorf("%s: %v", wasiCalls[i].name, err)
		}
	}
	if _, err := e.Inspect(t.Context(), importsWASI(&wasiCall{name: "fd_write", params: "ii"}).Bytes()); fault.CodeOf(err) != fault.ModuleInvalid {
		t.Errorf("another signature: %v", err)
	}
	if _, err := e.Inspect(t.Context(), importsWASI(&wasiCall{name: "sock_send", params: "iiiii"}).Bytes()); fault.CodeOf(err) != fault.ModuleInvalid {
		t.Errorf("a call that Go does not make: %v", err)
	}
}

func TestExitFailsTheCall(t *testing.T) {
	g := importsWASI(&wasiCall{name: "proc_exit", params: "i"}).With(wt.GuestMatch, wt.Const(2), wt.Call(0), wt.Const64(0))
	f := openGuest(t, g)
	set := &Set{}
	set.Add(nil)
	err := f.Match(t.Context(), event(t, "{}"), set, NewBitmap(1))
	if fault.CodeOf(err) != fault.FilterFailed || !strings.Contains(err.Error(), "exited with code 2") {
		t.Error(err)
	}
}

// TestWASIAnswersAlwaysAlike asks twice: what is asked twice must not be answered in two ways.
func TestWASIAnswersAlwaysAlike(t *testing.T) {
	log, lines := logged()
	f := open(t, newEngine(t, Config{Logger: log}), wt.Guest().Bytes())
	in := take(t, f)
	defer f.pool.put(in, false)
	const size = 4096
	before, _ := in.memory.Read(0, size)
	binary.LittleEndian.PutUint32(before[16:], 100) // a piece of text to write
	binary.LittleEndian.PutUint32(before[20:], 5)
	copy(before[100:], "hello")
	copy(before[200:], "user dat\x00") // a subscription
	start := bytes.Clone(before)
	arguments := map[string][]uint64{
		"args_sizes_get": {0, 4}, "environ_sizes_get": {0, 4}, "clock_time_get": {0, 0, 32}, "random_get": {300, 40},
		"fd_write": {1, 16, 1, 40}, "poll_oneoff": {200, 400, 1, 48},
	}
	rest := uint64(0) // of other values, where an i32 is half of its place
	ask := func(c *wasiCall) (uint64, []byte) {
		copy(before, start)
		stack := make([]uint64, max(1, len(c.params)))
		copy(stack, arguments[c.name])
		for n, letter := range c.params {
			if letter == 'i' {
				stack[n] |= rest << 32
			}
		}
		rest++
		c.answer(in.ctx, in.module, stack)
		return stack[0], bytes.Clone(before)
	}
	for i := range wasiCalls {
		c := &wasiCalls[i]
		if c.name == "proc_exit" {
			continue
		}
		errno, memory := ask(c)
		again, memory2 := ask(c)
		if errno != again || !bytes.Equal(memory, memory2) {
			t.Errorf("%s answers differently when it is asked again", c.name)
		}
		if arguments[c.name] != nil && errno != wasiSuccess {
			t.Errorf("%s: error %d", c.name, errno)
		}
		if (strings.HasPrefix(c.name, "fd_") && c.name != "fd_write" || strings.HasPrefix(c.name, "path_")) && errno == wasiSuccess {
			t.Errorf("%s succeeds", c.name)
		}
		if c.name == "poll_oneoff" && (string(memory[400:408]) != "user dat" || memory[48] != 1) {
			t.Errorf("%s answers %q", c.name, memory[400:432])
		}
	}
	if len(*lines) != 2 || !strings.Contains((*lines)[0], "hello") {
		t.Errorf("logged %q", *lines)
	}
}

func TestWASIStaysWithinTheMemory(t *testing.T) {
	f := openGuest(t, wt.Guest())
	in := take(t, f)
	defer f.pool.put(in, false)
	for i := range wasiCalls {
		c := &wasiCalls[i]
		if c.name == "proc_exit" || c.params == "" {
			continue
		}
		stack := repeated(len(c.params), 1<<32-1)
		if c.name == "fd_write" {
			stack[0] = 1
		}
		c.answer(in.ctx, in.module, stack)
		if name, _, _ := strings.Cut(c.name, "_get"); stack[0] == wasiSuccess && name != "args" && name != "environ" {
			t.Errorf("%s succeeds far outside of the memory", c.name)
		}
	}
}

// repeated returns n words of one value.
func repeated(n int, value uint64) []uint64 {
	words := make([]uint64, n)
	for i := range words {
		words[i] = value
	}
	return words
}
