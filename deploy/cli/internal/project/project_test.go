package project

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, path, text string, changed time.Time) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, changed, changed); err != nil {
		t.Fatal(err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); !errors.Is(err, ErrNotFound) {
		t.Errorf("an empty folder: %v", err)
	}
	for text, says := range map[string]string{
		"":                                  "has to say module",
		"module: a.wasm":                    "language or command",
		"module: a.wasm\nlanguage: c\nx: 1": "x",
		"module: ../a.wasm\nlanguage: c":    "not in the project's folder",
		"module: [":                         File,
	} {
		write(t, filepath.Join(dir, File), text, time.Now())
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
	write(t, filepath.Join(dir, File), "name: late\nlanguage: c\nmodule: build/late.wasm\nparams: {min: 60}\n", time.Now())
	p, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "late" || p.Language != "c" || string(p.Params) != `{"min":60}` {
		t.Errorf("%+v", p)
	}
}

func TestChanged(t *testing.T) {
	dir := t.TempDir()
	now := time.Now().Truncate(time.Second)
	p := &Project{Dir: dir, Module: "build/late.wasm"}
	write(t, filepath.Join(dir, "filter.c"), "", now.Add(-3*time.Hour))
	write(t, filepath.Join(dir, "weir", "weir.h"), "", now.Add(-2*time.Hour))
	for _, not := range []string{"build/late.wasm", "node_modules/a/b.js", ".git/x", "weir-data/dev.json", ".swp", "cases.yaml", "README.md"} {
		write(t, filepath.Join(dir, not), "", now)
	}
	changed, err := p.Changed()
	if err != nil {
		t.Fatal(err)
	}
	if !changed.Equal(now.Add(-2 * time.Hour)) {
		t.Errorf("changed %v, want %v", changed, now.Add(-2*time.Hour))
	}
}

func TestFreshBuildsWhatHasChanged(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("there is no shell")
	}
	dir := t.TempDir()
	p := &Project{Dir: dir, Module: "late.wasm", Command: []string{"/bin/sh", "-c", "cat source >late.wasm"}}
	source, module := filepath.Join(dir, "source"), filepath.Join(dir, "late.wasm")
	past := time.Now().Add(-time.Hour)
	fresh := func(want string) {
		t.Helper()
		got, err := p.Fresh(t.Context(), io.Discard)
		if err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	write(t, source, "one", past)
	fresh("one")
	write(t, source, "two", past)
	write(t, module, "as it was", past.Add(time.Second))
	fresh("as it was")
	write(t, source, "three", past.Add(2*time.Second))
	fresh("three")
}
