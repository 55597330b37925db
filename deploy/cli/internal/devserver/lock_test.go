//go:build unix

package devserver

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestOneProcessHasTheData(t *testing.T) {
	cfg := Config{Data: filepath.Join(t.TempDir(), "new")}
	if cfg.taken() {
		t.Error("it is taken before it is there")
	}
	first, err := cfg.openData()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.openData(); !errors.Is(err, ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	if !cfg.taken() {
		t.Error("it is not taken")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if cfg.taken() {
		t.Error("it is taken still")
	}
	second, err := cfg.openData()
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	_ = second.Close()
}

func TestUnusableData(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Data: file}
	if _, err := cfg.openData(); !errors.As(err, new(*DataError)) {
		t.Errorf("a file as data folder: %v", err)
	}
}
