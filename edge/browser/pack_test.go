package browser_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// What npm installs from a relay has the files that package.json says, and what it exports.
func TestPackage(t *testing.T) {
	response := get(t, "/weir.tgz", http.Header{"Accept-Encoding": {"gzip"}})
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Encoding") != "" {
		t.Fatalf("%s, Content-Encoding %q", response.Status, response.Header.Get("Content-Encoding"))
	}
	if got := response.Header.Get("Content-Type"); got != "application/gzip" {
		t.Errorf("Content-Type is %q", got)
	}
	files := unpack(t, response.Body)
	var manifest struct {
		Name    string
		Types   string
		Exports map[string]map[string]string
	}
	if err := json.Unmarshal(files["package/package.json"], &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Name != "weir" {
		t.Errorf("its name is %q", manifest.Name)
	}
	if len(files["package/README.md"]) == 0 {
		t.Error("there is no README.md")
	}
	for _, path := range []string{manifest.Types, manifest.Exports["."]["types"], manifest.Exports["."]["default"], "./dist/types/api/weir.d.ts"} {
		if len(path) < 2 || len(files["package/"+path[2:]]) == 0 {
			t.Errorf("there is no %q", path)
		}
	}
	for name := range files {
		if strings.HasPrefix(name, "package/dist/demo/") {
			t.Errorf("%s is in the package", name)
		}
	}
}

func unpack(t *testing.T, r io.Reader) map[string][]byte {
	t.Helper()
	compressed, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	archive, files := tar.NewReader(compressed), map[string][]byte{}
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}
