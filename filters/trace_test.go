package filters

import (
	"errors"
	"strings"
	"testing"

	"weir/filters/internal/wasm"
	wt "weir/filters/internal/wasmtest"
)

// named returns a module with a name section that names one function.
func named(m *wt.Module, function uint32, name string) []byte {
	const functionNames = 1
	names := wasm.AppendName(wasm.AppendU32(wasm.AppendU32(nil, 1), function), name)
	section := append(wasm.AppendName(nil, "name"), functionNames)
	section = append(wasm.AppendU32(section, uint32(len(names))), names...)
	return wasm.AppendSection(m.Bytes(), wasm.SectionCustom, section)
}

func TestFailuresNameTheFunction(t *testing.T) {
	for _, test := range []struct{ name, code, want string }{
		{"filter::decide", "trap", "it trapped: unreachable, in filter::decide"},
		{"main.(*filter).decide", "trap", "it trapped: unreachable, in main.(*filter).decide"},
		{"decide\n(i32)", "trap", "it trapped: unreachable"},
		{strings.Repeat("x", 1000), "trap", "it trapped: unreachable, in " + strings.Repeat("x", maxTracedName)},
		{"decide", "loop", "it used up its fuel of 3001000, in decide"},
	} {
		code := wt.Trap()
		if test.code == "loop" {
			code = wt.Code(wt.Forever(), wt.Const64(0))
		}
		f := open(t, newEngine(t, Config{Limits: testLimits}), named(wt.Guest().With(wt.GuestMatch, code), wt.GuestMatch, test.name))
		var set Set
		set.Add(nil)
		err := f.Match(t.Context(), event(t, "{}"), &set, NewBitmap(1))
		if want := "the filter failed in weir_match: " + test.want + " ("; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30s: %v, want %s", test.name, err, want)
		}
	}
}

func TestTraceOfSeveralFunctions(t *testing.T) {
	for text, want := range map[string]string{
		"wasm error: x\nwasm stack trace:\n\t.a(i32) i64\n\t.b()\n\t.c() (i32,i32)\n\t.d()": ", in a, called by b, called by c",
		"wasm error: x\nwasm stack trace:\n\t.a()\n\t.$4()\n\t.c()":                         ", in a",
		"wasm error: x\nwasm stack trace:\n\t.$4()\n\t.c()":                                 "",
		"wasm error: x": "",
		"":              "",
	} {
		if got := trace(errors.New(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
