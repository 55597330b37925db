package layout

import (
	"bufio"
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root of the repository, from this package's folder.
const root = "../.."

// topLevel is all that may stand at the top, besides dotfiles.
var topLevel = []string{
	"edge", "hub", "filters", "proto", "deploy",
	"go.mod", "go.sum", "Makefile", "README.md", "main.go", "LICENSE",
}

// local is what building and running leaves behind; .gitignore names it too.
var local = []string{"weir", "weir-data", "weir-edge", "bench.json"}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") || slices.Contains(topLevel, name) || slices.Contains(local, name) {
			continue
		}
		t.Errorf("%s stands at the top level; it belongs into one of edge, hub, filters, proto, deploy", name)
	}
}

// maxLines bounds a source file. What is longer holds more than one concept.
const maxLines = 600

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func TestFilesAreShort(t *testing.T) {
	for _, path := range sources(t, ".go", ".ts", ".proto") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, ".pb.go") || strings.HasSuffix(path, "_pb.ts") || generated.Match(text) {
			continue
		}
		if lines := bytes.Count(text, []byte("\n")); lines > maxLines {
			t.Errorf("%s has %d lines, at most %d", clean(path), lines, maxLines)
		}
	}
}

func TestEveryPackageHasOneDoc(t *testing.T) {
	docs := map[string][]string{}
	for _, path := range sources(t, ".go") {
		dir := clean(filepath.Dir(path))
		if _, known := docs[dir]; !known {
			docs[dir] = nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if file.Doc != nil && strings.TrimSpace(file.Doc.Text()) != "" && !generatedFile(t, path) {
			docs[dir] = append(docs[dir], filepath.Base(path))
		}
	}
	for dir, files := range docs {
		if isGenerated(t, dir) {
			continue
		}
		if len(files) != 1 {
			t.Errorf("%s has %d package docs %v, want one", dir, len(files), files)
		}
	}
}

// isGenerated reports whether all of a folder's Go files are generated.
func isGenerated(t *testing.T, dir string) bool {
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !generatedFile(t, file) {
			return false
		}
	}
	return true
}

func generatedFile(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan() && !strings.HasPrefix(lines.Text(), "package "); {
		if generated.MatchString(lines.Text()) {
			return true
		}
	}
	return false
}

// unfinished are words that shipped code does not contain.
var unfinished = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b|(?i)not (yet )?implemented`)

func TestNothingIsUnfinished(t *testing.T) {
	for _, path := range sources(t, ".go", ".ts", ".proto", ".html", ".css") {
		if clean(path) == "deploy/layout/layout_test.go" || generatedFile(t, path) {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if unfinished.MatchString(line) {
				t.Errorf("%s:%d: %s", clean(path), i+1, strings.TrimSpace(line))
			}
		}
	}
}

// sources lists the repository's files with one of these extensions, without what package managers and tools put there.
func sources(t *testing.T, extensions ...string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			name := entry.Name()
			if path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "dist" || name == "testdata" || name == "target") {
				return fs.SkipDir
			}
			return nil
		}
		if slices.Contains(extensions, filepath.Ext(path)) {
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// clean returns a path from the repository's root on.
func clean(path string) string {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}
