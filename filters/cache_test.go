package filters

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	wt "weir/filters/internal/wasmtest"
)

// useCache opens the viewport filter in an engine with this cache, and returns what is logged.
func useCache(t *testing.T, dir string) []string {
	t.Helper()
	log, lines := logged()
	e, err := New(t.Context(), Config{CacheDir: dir, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	f, err := e.Open(t.Context(), viewportModule())
	if err != nil {
		t.Fatal(err)
	}
	zurich := prepare(t, f, `{"west":8,"south":47,"east":9,"north":48}`)
	if !matches(t, f, event(t, `{"lon":8.5,"lat":47.4}`), zurich) {
		t.Error("wrong answer")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	return *lines
}

// files returns the files of a cache, by path.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		found[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestCacheIsUsedAgain(t *testing.T) {
	dir := t.TempDir()
	if lines := useCache(t, dir); len(lines) > 0 {
		t.Errorf("logged %q", lines)
	}
	before := files(t, dir)
	if len(before) != 2 {
		t.Fatalf("%d files, want wazero's and the seal", len(before))
	}
	old := time.Now().Add(-time.Hour)
	for path := range before {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if lines := useCache(t, dir); len(lines) > 0 {
		t.Errorf("logged %q", lines)
	}
	for path := range files(t, dir) {
		if info, err := os.Stat(path); err != nil || !info.ModTime().Before(old.Add(time.Minute)) {
			t.Errorf("%s was written again: %v", path, err)
		}
	}
}

func TestDamagedCacheIsThrownAway(t *testing.T) {
	damages := map[string]func(content []byte) []byte{
		"cut":     func(c []byte) []byte { return c[:len(c)/2] },
		"empty":   func([]byte) []byte { return nil },
		"a bit":   func(c []byte) []byte { c[len(c)/3] ^= 4; return c },
		"offsets": func(c []byte) []byte { c[20] ^= 0xff; return c },
		"junk":    func(c []byte) []byte { return bytes.Repeat([]byte("junk"), len(c)) },
	}
	for name, damage := range damages {
		dir := t.TempDir()
		useCache(t, dir)
		whole := files(t, dir)
		for path, content := range whole {
			if filepath.Base(path) != sealName {
				if err := os.WriteFile(path, damage(bytes.Clone(content)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		if lines := useCache(t, dir); len(lines) != 1 || !strings.Contains(lines[0], "damaged") {
			t.Errorf("%s: logged %q", name, lines)
		}
		for path, content := range files(t, dir) {
			if !bytes.Equal(content, whole[path]) {
				t.Errorf("%s: %s was not repaired", name, path)
			}
		}
	}
}

func TestCacheWithoutSealIsThrownAway(t *testing.T) {
	dir := t.TempDir()
	useCache(t, dir)
	for path := range files(t, dir) {
		if filepath.Base(path) == sealName {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	if lines := useCache(t, dir); len(lines) != 1 || !strings.Contains(lines[0], "seal") {
		t.Errorf("logged %q", lines)
	}
}

func TestUnusableCacheCostsOnlyTime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if lines := useCache(t, file); len(lines) != 1 || !strings.Contains(lines[0], "can't be used") {
		t.Errorf("a file in its place: logged %q", lines)
	}
	// A file where the module's own directory would be: what holds for every user, root too.
	dir := t.TempDir()
	useCache(t, dir)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	module := filepath.Join(dir, entries[0].Name())
	if err := os.RemoveAll(module); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(module, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if lines := useCache(t, dir); len(lines) != 1 || !strings.Contains(lines[0], "damaged") {
		t.Errorf("a file in the module's place: logged %q", lines)
	}
}

func TestInvalidModulesLeaveNothingInTheCache(t *testing.T) {
	dir := t.TempDir()
	e := newEngine(t, Config{CacheDir: dir})
	if _, err := e.Open(t.Context(), wt.Guest().With(wt.GuestMatch, wt.Const(1)).Bytes()); err == nil {
		t.Fatal("a module with a type error was opened")
	}
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("left %d files", len(left))
	}
}

func TestCacheIsPruned(t *testing.T) {
	dir := t.TempDir()
	at := time.Now().Add(-maxCached * time.Hour)
	for i := range maxCached + 2 {
		path := filepath.Join(dir, fmt.Sprintf("%04d", i))
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	newEngine(t, Config{CacheDir: dir})
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != maxCached {
		t.Fatalf("%d entries are left, %v", len(entries), err)
	}
	for _, e := range entries {
		if e.Name() < "0002" {
			t.Errorf("%s was kept, one of the two oldest", e.Name())
		}
	}
}
