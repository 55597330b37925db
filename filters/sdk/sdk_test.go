package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"weir/filters"
	"weir/filters/cases"
	"weir/filters/examples"
	"weir/filters/sdk"
	"weir/filters/toolchain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the committed modules anew")

// viewportModules are the committed ones. Go's is too large for that, and Go is always there to build it.
var viewportModules = map[string]string{
	toolchain.C:              "c/viewport/viewport.wasm",
	toolchain.AssemblyScript: "assemblyscript/viewport/viewport.wasm",
}

// viewportSources are where the filter is in each language.
var viewportSources = map[string]string{
	toolchain.Go: "go/viewport/viewport.go", toolchain.C: "c/viewport/viewport.c", toolchain.AssemblyScript: "assemblyscript/viewport/viewport.ts",
}

// TestViewportInEveryLanguage runs one table of cases on the same filter in all languages.
func TestViewportInEveryLanguage(t *testing.T) {
	text, err := os.ReadFile("viewport.yaml")
	if err != nil {
		t.Fatal(err)
	}
	table, err := cases.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T, module []byte) {
		for _, result := range cases.Run(t.Context(), open(t, module), table) {
			for _, d := range result.Differences {
				t.Errorf("%s: %s: want %s, got %s", result.Name, d.What, d.Want, d.Got)
			}
		}
	}
	t.Run(toolchain.Rust, func(t *testing.T) { check(t, examples.Viewport().Module) })
	for lang, path := range viewportModules {
		t.Run(lang, func(t *testing.T) {
			module, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			check(t, module)
		})
	}
	for lang, source := range viewportSources {
		t.Run(lang+" built now", func(t *testing.T) {
			module := buildAs(t, lang, source)
			check(t, module)
			if path, committed := viewportModules[lang]; committed && *update {
				if err := os.WriteFile(path, module, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// buildAs builds a project whose filter is replaced by another.
func buildAs(t *testing.T, lang, source string) []byte {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	file, err := sdk.Write(dir, "viewport", lang)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.NewReplacer(`"../weir.h"`, `"weir/weir.h"`, `"../weir`, `"./weir`, "weir/filters/sdk/go", "example.com/viewport/weir")
	if err := os.WriteFile(filepath.Join(dir, file), []byte(moved.Replace(string(text))), 0o644); err != nil {
		t.Fatal(err)
	}
	return build(t, dir, lang)
}

// build builds a project, and skips the test loudly where the compiler is missing.
func build(t *testing.T, dir, lang string) []byte {
	t.Helper()
	if lang == toolchain.AssemblyScript {
		useInstalledCompiler(t, dir)
	}
	var output bytes.Buffer
	module, err := toolchain.Build(t.Context(), toolchain.Source{Dir: dir, Language: lang, Module: "build/filter.wasm"}, &output)
	if missing := (*toolchain.MissingError)(nil); errors.As(err, &missing) {
		t.Skipf("######## %s IS NOT TESTED: %v (%s) ########", strings.ToUpper(lang), err, missing.Hint)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, output.String())
	}
	return module
}

// useInstalledCompiler spares npm the work where the SDK's folder has the compiler.
func useInstalledCompiler(t *testing.T, dir string) {
	t.Helper()
	installed, err := filepath.Abs("assemblyscript/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(installed); errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err := os.Symlink(installed, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
}

// open opens a module in an engine of its own.
func open(t *testing.T, module []byte) *filters.Filter {
	t.Helper()
	ctx := context.Background()
	e, err := filters.New(ctx, filters.Config{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := e.Open(ctx, module)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(f.Close(), e.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return f
}

// TestProjectsPassTheirOwnCases builds what "weir filter new" writes, in each language.
func TestProjectsPassTheirOwnCases(t *testing.T) {
	for _, lang := range toolchain.Languages() {
		t.Run(lang, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "late")
			if _, err := sdk.Write(dir, "late", lang); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(dir, "cases.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			table, err := cases.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, result := range cases.Run(t.Context(), open(t, build(t, dir, lang)), table) {
				for _, d := range result.Differences {
					t.Errorf("%s: %s: want %s, got %s", result.Name, d.What, d.Want, d.Got)
				}
			}
		})
	}
}

func TestProjectsAreNotOverwritten(t *testing.T) {
	dir := t.TempDir()
	if _, err := sdk.Write(dir, "late", toolchain.C); err != nil {
		t.Fatal(err)
	}
	if _, err := sdk.Write(dir, "late", toolchain.C); !errors.Is(err, sdk.ErrExists) {
		t.Errorf("a second time: %v", err)
	}
}

// TestProjectsAreComplete looks for what should have been filled in, or hosts that packages come from.
func TestProjectsAreComplete(t *testing.T) {
	for _, lang := range toolchain.Languages() {
		dir := t.TempDir()
		if _, err := sdk.Write(dir, "late", lang); err != nil {
			t.Fatal(err)
		}
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			for _, bad := range []string{"NAME:", "LANGUAGE", "weir/filters/sdk/go", `"resolved"`} {
				if bytes.Contains(text, []byte(bad)) {
					t.Errorf("%s, %s: contains %s", lang, path, bad)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
