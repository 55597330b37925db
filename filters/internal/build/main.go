// Command build compiles the example filters and writes their modules and the manifest that says what they were made
// from. Run it in the module's root: go run ./filters/internal/build
package main

import (
	"fmt"
	"os"

	"weir/filters/internal/build/guest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func run() error {
	const root = "filters"
	compiler, err := guest.FindCompiler()
	if err != nil {
		return err
	}
	manifest, err := guest.Build(compiler, root, root)
	if err != nil {
		return err
	}
	for name, module := range manifest.Modules {
		fmt.Printf("%s: %d bytes\n", name, module.Bytes)
	}
	return manifest.Write(root)
}
