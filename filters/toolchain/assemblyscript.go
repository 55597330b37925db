package toolchain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// assemblyScript runs the compiler that the project's package.json names, and has npm install that before if need be.
func (b *build) assemblyScript(ctx context.Context) error {
	node, err := findNode()
	if err != nil {
		return err
	}
	compiler := filepath.Join("node_modules", "assemblyscript", "bin", "asc.js")
	if _, err := os.Stat(b.path(compiler)); errors.Is(err, os.ErrNotExist) {
		if err := b.install(ctx); err != nil {
			return err
		}
	}
	// The runtime is the one that collects only when it is told to, which the SDK does between calls.
	return b.run(ctx, nil, node, compiler, "filter.ts", "--outFile", b.Module, "-O3", "--runtime", "minimal", "--use", "abort=")
}

func findNode() (string, error) {
	return find("install Node.js 20 or later with npm: https://nodejs.org, or apt install nodejs npm", "node")
}

func (b *build) install(ctx context.Context) error {
	npm, err := find("install npm: https://nodejs.org, or apt install npm", "npm")
	if err != nil {
		return err
	}
	fmt.Fprintln(b.output, "installing the AssemblyScript compiler: npm ci")
	if err := b.run(ctx, nil, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
		return &MissingError{What: "the AssemblyScript compiler", Hint: "npm ci in " + b.Dir + " installs it; it needs a package registry"}
	}
	return nil
}
