package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// maxFile bounds what is read of one file of the archive, in bytes; the largest that is wanted has 1.8 MB.
const maxFile = 16 << 20

// readArchive returns the named files of a gzipped tar archive. It is an error if one is missing.
func readArchive(path string, names ...string) (map[string][]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("pack: %s: %w", path, err)
	}
	files := make(map[string][]byte, len(names))
	for r := tar.NewReader(unzipped); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("pack: %s: %w", path, err)
		}
		if !slices.Contains(names, header.Name) {
			continue
		}
		if files[header.Name], err = io.ReadAll(io.LimitReader(r, maxFile)); err != nil {
			return nil, fmt.Errorf("pack: %s: %s: %w", path, header.Name, err)
		}
	}
	for _, name := range names {
		if files[name] == nil {
			return nil, fmt.Errorf("pack: %s: %s is not in it", path, name)
		}
	}
	return files, nil
}
