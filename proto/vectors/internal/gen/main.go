// Command gen writes the test vectors of the protocol into the folder given, proto/vectors by default.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"weir/proto/vectors/internal/cases"
)

func main() {
	dir := "proto/vectors"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := run(dir); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	files, err := cases.Files()
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
