package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// histories are the tests of one package that take a seed.
type histories struct {
	folder string
	tests  []string
	// rapid is whether the package's tests know the flags of rapid.
	rapid bool
}

// find returns the packages at and below root that have histories.
func find(root string) ([]histories, error) {
	byFolder := map[string]*histories{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		folder := filepath.Dir(path)
		h := byFolder[folder]
		if h == nil {
			h = &histories{folder: folder}
			byFolder[folder] = h
		}
		return h.add(path)
	})
	var found []histories
	for _, h := range byFolder {
		if len(h.tests) > 0 {
			slices.Sort(h.tests)
			found = append(found, *h)
		}
	}
	slices.SortFunc(found, func(a, b histories) int { return strings.Compare(a.folder, b.folder) })
	return found, err
}

// add looks for histories in a file.
func (h *histories) add(path string) error {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, spec := range file.Imports {
		h.rapid = h.rapid || spec.Path.Value == `"pgregory.net/rapid"`
	}
	for _, declaration := range file.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") && takesSeed(f) {
			h.tests = append(h.tests, f.Name.Name)
		}
	}
	return nil
}

// takesSeed reports whether a test calls rapid.Check or names WEIR_SEED.
func takesSeed(f *ast.FuncDecl) bool {
	takes := false
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			takes = takes || ok && x.Name == "rapid" && n.Sel.Name == "Check"
		case *ast.BasicLit:
			takes = takes || n.Value == `"WEIR_SEED"`
		}
		return !takes
	})
	return takes
}
