package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestHistoriesAreFound(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"a/a_test.go": `package a
import "pgregory.net/rapid"
func TestModel(t *testing.T) { rapid.Check(t, nil) }
func TestPlain(t *testing.T) {}
func helper(t *testing.T) { rapid.Check(t, nil) }
func (s *suite) TestMethod(t *testing.T) { rapid.Check(t, nil) }`,
		"a/b_test.go": `package a
func TestSeeded(t *testing.T) { fromEnv(t, "WEIR_SEED", 1) }`,
		"b/b.go": `package b`,
		"b/b_test.go": `package b
func TestPlain(t *testing.T) {}`,
		"node_modules/x/x_test.go": `package x
func TestSeeded(t *testing.T) { fromEnv(t, "WEIR_SEED", 1) }`,
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := find(root)
	if err != nil {
		t.Fatal(err)
	}
	want := []histories{{folder: filepath.Join(root, "a"), tests: []string{"TestModel", "TestSeeded"}, rapid: true}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(histories{}), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

// script returns a binary that is a shell script.
func script(t *testing.T, text string) *binary {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fake.test")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return &binary{histories: histories{folder: ".", tests: []string{"TestModel"}}, path: path}
}

func TestFailingSeedsAreTold(t *testing.T) {
	b := script(t, `[ "$WEIR_SEED" != 8 ] || { echo "boom"; exit 1; }`)
	var out bytes.Buffer
	if err := soak(context.Background(), []*binary{b}, 7, 3, &out, progress{}); !errors.Is(err, errFailed) {
		t.Errorf("error %v", err)
	}
	for _, want := range []string{"--- seed 8 fails in .", "boom\n", "SEED=8\n", "\nsoak: 3 seeds, 1 failed\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestGoodSeeds(t *testing.T) {
	var out bytes.Buffer
	if err := soak(context.Background(), []*binary{script(t, "exit 0")}, 1, 2, &out, progress{}); err != nil {
		t.Error(err)
	}
	if !strings.HasSuffix(out.String(), "soak: 2 seeds, 0 failed\n") {
		t.Errorf("output %q", out.String())
	}
}

func TestProgressLeavesNothingBehind(t *testing.T) {
	var out, terminal bytes.Buffer
	if err := soak(context.Background(), []*binary{script(t, "exit 0")}, 1, 2, &out, progress{&terminal}); err != nil {
		t.Error(err)
	}
	if got := terminal.String(); !strings.Contains(got, "1 of 2 seeds, 0 failed") || !strings.HasSuffix(got, clearLine) {
		t.Errorf("the terminal was shown %q", got)
	}
}

func TestUnknownSuite(t *testing.T) {
	if err := run(context.Background(), []string{"-suite", "regions"}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "filters, hub, edge") {
		t.Errorf("error %v", err)
	}
}

func TestFoldersOfSuites(t *testing.T) {
	for suite, want := range map[string]string{
		"": "filters hub deploy/nemesis edge", "hub": "hub deploy/nemesis", "nemesis": "deploy/nemesis", "edge": "edge",
	} {
		got, err := foldersOf(suite)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("suite %q is in %v (%v), not %s", suite, got, err, want)
		}
	}
	if _, err := foldersOf("none"); err == nil || !strings.Contains(err.Error(), "nemesis") {
		t.Errorf("an unknown suite: %v", err)
	}
}
