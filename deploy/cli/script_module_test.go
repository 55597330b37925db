package cli

import (
	"os"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"weir/filters/examples"
)

// module writes the module of a ready-made filter to a file; as another module that does the same, if a third argument names
// a custom section to add (WebAssembly Core Specification 2.0, section 5.5.3).
func module(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: module NAME FILE [SECTION]")
	}
	var section []byte
	for _, name := range args[2:] {
		section = append([]byte{0, byte(len(name) + 1), byte(len(name))}, name...)
	}
	for _, example := range examples.All() {
		if example.Name == args[0] {
			ts.Check(os.WriteFile(ts.MkAbs(args[1]), slices.Concat(example.Module, section), 0o600))
			return
		}
	}
	ts.Fatalf("there is no ready-made filter %s", args[0])
}
