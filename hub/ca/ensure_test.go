package ca_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/hub/ca"
)

var quiet = slog.New(slog.DiscardHandler)

// files reads all files of a folder, and makes sure that keys are their owner's alone.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	content := map[string]string{}
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		content[entry.Name()] = string(b)
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(entry.Name(), "key") && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
	}
	return content
}

func ensure(t *testing.T, dir string, now time.Time) map[string]string {
	t.Helper()
	if err := ca.Ensure(dir, "hub-1", now, quiet); err != nil {
		t.Fatal(err)
	}
	return files(t, dir)
}

func TestEnsureMakesOnceAndRenews(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "link")
	now := time.Now()
	first := ensure(t, dir, now)
	if len(first) != 6 {
		t.Errorf("files: %d, want 6", len(first))
	}
	for name, content := range ensure(t, dir, now.AddDate(4, 0, 0)) {
		if content != first[name] {
			t.Errorf("%s has changed though it was good", name)
		}
	}
	later := ensure(t, dir, now.AddDate(4, 11, 0))
	for _, name := range []string{"hub.pem", "hub-key.pem", "edge.pem", "edge-key.pem"} {
		if later[name] == first[name] {
			t.Errorf("%s was not renewed", name)
		}
	}
	if later[ca.FileCA] != first[ca.FileCA] {
		t.Error("the authority has changed: all edges are locked out")
	}
}

func TestEnsureRenamesItsHub(t *testing.T) {
	dir := t.TempDir()
	first := ensure(t, dir, time.Now())
	if err := ca.Ensure(dir, "hub-2", time.Now(), quiet); err != nil {
		t.Fatal(err)
	}
	identity := open(t, dir, ca.Hub)
	if identity.Name() != (ca.Name{Role: ca.Hub, Node: "hub-2"}) {
		t.Errorf("the name is %v", identity.Name())
	}
	if files(t, dir)["edge.pem"] != first["edge.pem"] {
		t.Error("the edge's certificate has changed")
	}
}

func TestEnsureWithoutTheAuthoritysKey(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	a, err := ca.Create(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issue(t, a, out, "hub", "hub-1", time.Hour)
	before := files(t, out)
	if after := ensure(t, out, time.Now()); len(after) != 3 || len(before) != 3 {
		t.Errorf("files: %d, then %d; want ca.pem, hub.pem and hub-key.pem", len(before), len(after))
	}
	err = ca.Ensure(out, "hub-2", time.Now(), quiet)
	if err == nil || !strings.Contains(err.Error(), "weir ca issue hub hub-2") {
		t.Errorf("another node's certificate: %v", err)
	}
	if err := os.Remove(filepath.Join(out, "hub.pem")); err != nil {
		t.Fatal(err)
	}
	err = ca.Ensure(out, "hub-1", time.Now(), quiet)
	if err == nil || !strings.Contains(err.Error(), ca.FileCAKey) || !strings.Contains(err.Error(), "weir ca issue hub hub-1") {
		t.Errorf("no certificate: %v", err)
	}
}

// A folder that is not whole must not lead to a new authority, which would lock out all edges without a word.
func TestEnsureRefusesHalfAFolder(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"no authority": func(dir string) error { return os.Remove(filepath.Join(dir, ca.FileCA)) },
		"no key":       func(dir string) error { return os.Remove(filepath.Join(dir, "hub-key.pem")) },
		"noise":        func(dir string) error { return os.WriteFile(filepath.Join(dir, "hub.pem"), []byte("x"), 0o600) },
		"wrong key": func(dir string) error {
			return os.Rename(filepath.Join(dir, "edge-key.pem"), filepath.Join(dir, "hub-key.pem"))
		},
		"another authority's key": func(dir string) error {
			return os.Rename(filepath.Join(dir, "edge-key.pem"), filepath.Join(dir, ca.FileCAKey))
		},
	} {
		dir := t.TempDir()
		ensure(t, dir, time.Now())
		if err := damage(dir); err != nil {
			t.Fatal(err)
		}
		before := files(t, dir)
		if err := ca.Ensure(dir, "hub-1", time.Now(), quiet); err == nil {
			t.Errorf("%s: no error", name)
		}
		if len(files(t, dir)) != len(before) {
			t.Errorf("%s: files were made", name)
		}
	}
}
