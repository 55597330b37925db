// Package sdk holds what filters are written with: a guest SDK for each language in a folder of its own, and the projects
// that "weir filter new" writes, with the SDK's source in them.
package sdk

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"weir/filters/toolchain"
)

//go:embed template/* c/*.h c/*.c c/template/* rust/src rust/template/*
//go:embed assemblyscript/weir assemblyscript/template/* assemblyscript/package.json assemblyscript/package-lock.json assemblyscript/.npmrc
//go:embed go/*.go go/projection/*.go go/routing/*.go go/template/*
var sources embed.FS

// A language is what differs between projects.
type language struct {
	name, title string
	source      string // the filter's own file
	needs       string // a sentence about the compiler
	// files maps patterns of sources to folders of the project. Folders are copied whole.
	files []mapping
}

type mapping struct{ pattern, to string }

var languages = [...]language{
	{
		toolchain.Go, "Go", "filter.go", "It is compiled by Go itself, 1.24 or later.",
		[]mapping{{"go/template/*.go", "."}, {"go/*.go", "weir"}, {"go/projection/*.go", "weir/projection"}, {"go/routing/*.go", "weir/routing"}},
	},
	{
		toolchain.Rust, "Rust", "filter.rs", "It is compiled by rustc with the target wasm32-unknown-unknown.",
		[]mapping{{"rust/template/*", "."}, {"rust/src", "weir/src"}},
	},
	{
		toolchain.AssemblyScript, "AssemblyScript", "filter.ts",
		"The compiler is a package for Node.js, which the first build installs.",
		[]mapping{
			{"assemblyscript/template/*", "."},
			{"assemblyscript/weir", "weir"},
			{"assemblyscript/package*.json", "."},
			{"assemblyscript/.npmrc", "."},
		},
	},
	{
		toolchain.C, "C", "filter.c", "It is compiled by clang and wasm-ld.",
		[]mapping{{"c/template/*", "."}, {"c/*.[ch]", "weir"}},
	},
}

// ErrExists says that a project's folder is not empty.
var ErrExists = errors.New("the folder is there already, and not empty")

// Write writes a project called name into the folder dir, which must be empty or not there yet. It returns the name of
// the file that the filter is in.
func Write(dir, name, lang string) (source string, err error) {
	l, err := find(lang)
	if err != nil {
		return "", err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return "", fmt.Errorf("%s: %w", dir, ErrExists)
	}
	w := &writer{dir: dir, replace: strings.NewReplacer(
		"weir/filters/sdk/go", "example.com/"+name+"/weir",
		"NAME", name, "LANGUAGE", l.name, "TITLE", l.title, "SOURCE", l.source, "NEEDS", l.needs)}
	for _, m := range append([]mapping{{"template/*", "."}}, l.files...) {
		w.copy(m)
	}
	if l.name == toolchain.Go {
		w.write("go.mod", "module example.com/"+name+"\n\ngo 1.24\n")
	}
	return l.source, w.err
}

func find(name string) (*language, error) {
	for i := range languages {
		if languages[i].name == name {
			return &languages[i], nil
		}
	}
	return nil, fmt.Errorf("there is no SDK for %q", name)
}

// A writer writes the files of a project, up to the first error.
type writer struct {
	dir     string
	replace *strings.Replacer
	err     error
}

func (w *writer) copy(m mapping) {
	found, err := fs.Glob(sources, m.pattern)
	if err != nil || len(found) == 0 {
		w.fail(fmt.Errorf("%s: nothing there (%w)", m.pattern, err))
	}
	for _, from := range found {
		w.fail(fs.WalkDir(sources, from, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(file, "_test.go") {
				return err
			}
			to := path.Join(m.to, strings.TrimPrefix(strings.TrimPrefix(file, from), "/"))
			if file == from {
				to = path.Join(m.to, path.Base(file))
			}
			if path.Base(to) == "gitignore" { // embedding would take the template's own seriously
				to = path.Join(path.Dir(to), ".gitignore")
			}
			text, err := sources.ReadFile(file)
			w.write(to, w.text(to, string(text)))
			return err
		}))
	}
}

// text fills in what is the project's own. In the SDK itself only import paths differ.
func (w *writer) text(to, text string) string {
	if strings.HasSuffix(to, ".json") {
		return text
	}
	if !strings.HasPrefix(to, "weir/") || strings.HasSuffix(to, ".go") && strings.Contains(text, `"weir/filters/sdk/go"`) {
		return w.replace.Replace(text)
	}
	return text
}

func (w *writer) write(to, text string) {
	if w.err != nil {
		return
	}
	file := filepath.Join(w.dir, filepath.FromSlash(to))
	w.fail(os.MkdirAll(filepath.Dir(file), 0o755))
	w.fail(os.WriteFile(file, []byte(text), 0o644))
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}
