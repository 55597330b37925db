package datadir_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/hub/internal/datadir"
)

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFolderBelongsToOneAtATime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	d, err := datadir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.Open(dir); !errors.Is(err, datadir.ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("opened twice: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d, err = datadir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFormats(t *testing.T) {
	for content, want := range map[string]error{
		"weir hub 1\n": datadir.ErrTooOld, "weir hub 3\n": datadir.ErrTooOld, "weir hub 4\n": nil, "weir hub 5\n": nil, "weir hub 6\n": datadir.ErrTooNew, "weir hub 0\n": datadir.ErrUnreadable,
		"weir edge 1\n": datadir.ErrUnreadable, "": datadir.ErrUnreadable, "weir hub one": datadir.ErrUnreadable,
	} {
		dir := t.TempDir()
		write(t, dir, "format", content)
		d, err := datadir.Open(dir)
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", content, err, want)
		}
		if err == nil {
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			if is, err := os.ReadFile(filepath.Join(dir, "format")); err != nil || string(is) != "weir hub 5\n" {
				t.Errorf("%q: the folder's format is %q now, %v", content, is, err)
			}
		}
		if want != nil {
			if _, err := os.Stat(filepath.Join(dir, "lock")); err == nil {
				t.Errorf("%q: something was left in the folder", content)
			}
		}
	}
}

func TestFoldersWithOtherThingsAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "thesis.txt", "")
	if _, err := datadir.Open(dir); !errors.Is(err, datadir.ErrNotAHub) {
		t.Errorf("opened with %v", err)
	}
}

func TestWriteFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key")
	for _, content := range []string{"one", "two"} {
		if err := datadir.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil || string(got) != content {
			t.Errorf("read is %q, %v", got, err)
		}
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
}
