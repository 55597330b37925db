//go:build unix

package devserver

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestOneProcessHasTheData(t *testing.T) {
	cfg := Config{Data: filepath.Join(t.TempDir(), "new")}
	first, err := cfg.openData()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.openData(); !errors.Is(err, ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := cfg.openData()
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	_ = second.Close()
}
