package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// manifestName is the file in dist that says what it was made from.
const manifestName = "manifest.json"

// A manifest lets a test see, without Node, that dist belongs to the sources.
type manifest struct {
	// Sources is the SHA-256 of everything that dist is made from.
	Sources string `json:"sources"`
	// Files are the SHA-256 of dist's other files, by path.
	Files map[string]string `json:"files"`
}

// sources are the files and folders that dist is made from.
var sources = []string{"src", "demo/src", "demo/styles", "demo/assets", "demo/index.html", "package-lock.json", "tsconfig.json"}

func manifestOf(root string, files map[string][]byte) ([]byte, error) {
	sum, err := sourcesSum(root)
	if err != nil {
		return nil, err
	}
	m := manifest{Sources: sum, Files: map[string]string{}}
	for name, content := range files {
		m.Files[name] = contentSum(content)
	}
	encoded, err := json.MarshalIndent(m, "", "  ")
	return append(encoded, '\n'), err
}

func sourcesSum(root string) (string, error) {
	var paths []string
	for _, source := range sources {
		err := filepath.WalkDir(filepath.Join(root, source), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				paths = append(paths, path)
			}
			return err
		})
		if err != nil {
			return "", err
		}
	}
	slices.Sort(paths)
	sum := sha256.New()
	for _, path := range paths {
		if err := addFile(sum, root, path); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func addFile(sum io.Writer, root, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(sum, "%s %s\n", contentSum(content), filepath.ToSlash(rel))
	return err
}

func contentSum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
