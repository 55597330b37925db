package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	root   = "../.."
	remedy = "run: go run ./edge/browser/internal/bundle"
)

func TestDistBelongsToTheSources(t *testing.T) {
	var m manifest
	if err := json.Unmarshal(committed(t)[manifestName], &m); err != nil {
		t.Fatal(err)
	}
	sum, err := sourcesSum(root)
	if err != nil {
		t.Fatal(err)
	}
	if sum != m.Sources {
		t.Errorf("the sources have changed since dist was made; %s", remedy)
	}
	sums := map[string]string{}
	for name, content := range committed(t) {
		if name != manifestName {
			sums[name] = contentSum(content)
		}
	}
	if diff := cmp.Diff(m.Files, sums); diff != "" {
		t.Errorf("dist is not what the manifest says; %s (-manifest +dist):\n%s", remedy, diff)
	}
}

func TestDistCanBeMadeAgain(t *testing.T) {
	if _, err := os.Stat(filepath.Join(root, "node_modules", ".bin", "tsc")); err != nil {
		t.Skip("SKIPPED: dist is not made again and compared, for that needs \"npm ci\" in edge/browser")
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("SKIPPED: dist is not made again and compared, for that needs Node")
	}
	files, err := build(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	present := committed(t)
	for name, content := range files {
		if !bytes.Equal(present[name], content) {
			t.Errorf("%s is not what its sources make; %s", name, remedy)
		}
		delete(present, name)
	}
	for name := range present {
		t.Errorf("%s is made from no source; %s", name, remedy)
	}
}

// committed returns the files of dist by path.
func committed(t *testing.T) map[string][]byte {
	t.Helper()
	dist := os.DirFS(filepath.Join(root, "dist"))
	files := map[string][]byte{}
	err := fs.WalkDir(dist, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[path], err = fs.ReadFile(dist, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestGzipped(t *testing.T) {
	if got := gzipped(bytes.Repeat([]byte("weir "), 1000)); got == 0 || got > 100 {
		t.Errorf("5,000 repetitive bytes are said to take %d compressed", got)
	}
}
