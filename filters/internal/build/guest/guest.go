// Package guest builds the example filters from their Rust sources, reproducibly: the same compiler makes the same bytes
// of the same sources, wherever they lie.
package guest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Names lists the examples: each has a folder in examples/ with a crate of the same name.
func Names() []string {
	return []string{"expr", "geofence", "redact", "sample", "tags", "threshold", "viewport"}
}

const (
	sdk          = "sdk/rust/src"
	manifestPath = "examples/manifest.json"
)

// A Manifest says what the modules were made from. Paths are relative to the folder filters, with slashes; digests are
// SHA-256 in hexadecimal.
type Manifest struct {
	Compiler Version           `json:"compiler"`
	Flags    []string          `json:"flags"`
	SDK      map[string]string `json:"sdk"`
	Modules  map[string]Module `json:"modules"`
}

// A Module is one example.
type Module struct {
	Sources map[string]string `json:"sources"`
	Digest  string            `json:"digest"`
	Bytes   int               `json:"bytes"`
}

// ModulePath returns where an example's module lies, relative to the folder filters.
func ModulePath(name string) string { return filepath.Join("examples", name, name+".wasm") }

// Read reads the manifest.
func Read(root string) (*Manifest, error) {
	b, err := os.ReadFile(filepath.Join(root, manifestPath))
	if err != nil {
		return nil, err
	}
	m := &Manifest{}
	return m, json.Unmarshal(b, m)
}

// Write writes the manifest.
func (m *Manifest) Write(root string) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, manifestPath), append(b, '\n'), 0o644)
}

// Check compares sources and modules with the manifest.
func (m *Manifest) Check(root string) error {
	err := same("the SDK", m.SDK, root, sdk)
	for _, name := range Names() {
		module, ok := m.Modules[name]
		if !ok {
			err = errors.Join(err, fmt.Errorf("%s is not in the manifest", name))
			continue
		}
		err = errors.Join(err, same(name, module.Sources, root, filepath.Join("examples", name)))
		digest, readErr := digestOf(filepath.Join(root, ModulePath(name)))
		if readErr == nil && digest != module.Digest {
			readErr = fmt.Errorf("%s is not the module that the manifest names", ModulePath(name))
		}
		err = errors.Join(err, readErr)
	}
	return err
}

// same compares the sources in a folder with their digests.
func same(what string, want map[string]string, root, folder string) error {
	got, err := sources(root, folder)
	if err != nil {
		return err
	}
	for path, digest := range got {
		if want[path] != digest {
			err = errors.Join(err, fmt.Errorf("%s: %s has changed since the module was built", what, path))
		}
	}
	for path := range want {
		if got[path] == "" {
			err = errors.Join(err, fmt.Errorf("%s: %s is gone", what, path))
		}
	}
	return err
}

// sources returns the digests of the Rust files in a folder.
func sources(root, folder string) (map[string]string, error) {
	found := map[string]string{}
	err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".rs") {
			return err
		}
		digest, err := digestOf(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		found[filepath.ToSlash(relative)] = digest
		return err
	})
	return found, err
}

func digestOf(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256(b)
	return hex.EncodeToString(digest[:]), nil
}
