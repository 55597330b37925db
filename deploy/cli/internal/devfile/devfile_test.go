package devfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, data, edge string) {
	t.Helper()
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(data, Info{Edge: edge, API: "http://127.0.0.1:1", Token: "of " + edge}); err != nil {
		t.Fatal(err)
	}
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	work, elsewhere := filepath.Join(root, "work"), filepath.Join(root, "elsewhere")
	below := filepath.Join(work, "a", "b")
	if err := os.MkdirAll(below, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(below); !errors.Is(err, ErrNotFound) {
		t.Fatalf("found without a server: %v", err)
	}
	write(t, filepath.Join(work, DefaultData), "https://default")
	write(t, elsewhere, "https://elsewhere")
	for dir, want := range map[string]string{
		work:                             "https://default",
		below:                            "https://default",
		filepath.Join(work, DefaultData): "https://default",
		elsewhere:                        "https://elsewhere",
	} {
		info, err := Find(dir)
		if err != nil || info.Edge != want {
			t.Errorf("in %s: %q, %v; want %q", dir, info.Edge, err, want)
		}
	}
}

func TestPointer(t *testing.T) {
	work, data := t.TempDir(), filepath.Join(t.TempDir(), "data")
	write(t, data, "https://pointed")
	undo, err := Point(work, data)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := Find(work); err != nil || info.Edge != "https://pointed" {
		t.Fatalf("%q, %v", info.Edge, err)
	}
	// Another server takes over the pointer: the first must not remove it.
	undoOther, err := Point(work, filepath.Join(t.TempDir(), "other"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(undo(), undoOther()); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(work); !errors.Is(err, ErrNotFound) {
		t.Errorf("found after the pointer is gone: %v", err)
	}
}

func TestNoPointerWhereItIsNotNeeded(t *testing.T) {
	work := t.TempDir()
	for _, data := range []string{work, filepath.Join(work, DefaultData)} {
		if _, err := Point(work, data); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(work)
	if err != nil || len(entries) != 0 {
		t.Errorf("left %v, %v", entries, err)
	}
}

func TestOnlyTheUserMayRead(t *testing.T) {
	data := t.TempDir()
	write(t, data, "https://x")
	info, err := os.Stat(filepath.Join(data, Name))
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o", mode)
	}
	if err := errors.Join(Remove(data), Remove(data)); err != nil {
		t.Errorf("remove twice: %v", err)
	}
}

func TestForeignFileIsPassedOver(t *testing.T) {
	work := t.TempDir()
	if err := os.WriteFile(filepath.Join(work, Name), []byte(`{"name":"some tool's"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(work); !errors.Is(err, ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

func TestTokenIsReadAnew(t *testing.T) {
	data := t.TempDir()
	write(t, data, "https://old")
	info, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	write(t, data, "https://new")
	if got, err := info.CurrentToken(context.Background()); err != nil || got != "of https://new" {
		t.Errorf("%q, %v", got, err)
	}
	if err := Remove(data); err != nil {
		t.Fatal(err)
	}
	if got, err := info.CurrentToken(context.Background()); err != nil || got != "of https://old" {
		t.Errorf("%q, %v while the file is away", got, err)
	}
}
