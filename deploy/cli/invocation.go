package cli

import (
	"os"
	"path/filepath"
	"strings"
)

// invocation returns how this program can be called from a folder: "weir" where it was found on the PATH, else its path.
func invocation(dir string) string { return invocationOf(os.Args[0], dir) }

func invocationOf(called, dir string) string {
	const name = "weir"
	if !strings.ContainsRune(filepath.ToSlash(called), '/') {
		return name
	}
	called, err := filepath.Abs(called)
	if err != nil {
		return name
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return called
	}
	rel, err := filepath.Rel(dir, called)
	if err != nil || len(rel) > len(called) {
		return called
	}
	if !strings.ContainsRune(filepath.ToSlash(rel), '/') {
		return "." + string(filepath.Separator) + rel // a bare name would be looked for on the PATH
	}
	return rel
}
