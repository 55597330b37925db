package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
)

// declarations adds the types of the SDK's public surface to files, below types/: those that index.d.ts leads to.
func declarations(ctx context.Context, root string, files map[string][]byte) error {
	dir, err := os.MkdirTemp("", "weir-types-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	compiler, err := filepath.Abs(filepath.Join(root, "node_modules", ".bin", "tsc"))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, compiler, "--noEmit", "false", "--emitDeclarationOnly", "--rootDir", "src", "--outDir", dir)
	cmd.Dir = root
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, output)
	}
	return follow(dir, "index", files)
}

// imports finds the relative modules that a declaration file names.
var imports = regexp.MustCompile(`from "(\.[^"]+)\.js"`)

// follow adds the declarations of module and of all that it imports.
func follow(dir, module string, files map[string][]byte) error {
	name := path.Join("types", module+".d.ts")
	if _, seen := files[name]; seen {
		return nil
	}
	content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(module)+".d.ts"))
	if err != nil {
		return err
	}
	files[name] = content
	for _, match := range imports.FindAllSubmatch(content, -1) {
		if err := follow(dir, path.Join(path.Dir(module), string(match[1])), files); err != nil {
			return err
		}
	}
	return nil
}
