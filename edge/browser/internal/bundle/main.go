// Command bundle makes edge/browser/dist, which is committed and embedded, from the TypeScript sources, so that running
// weir needs no Node. Making it needs the development dependencies: "npm ci" in edge/browser.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	root := flag.String("root", "edge/browser", "`folder` of package.json")
	flag.Parse()
	if _, err := os.Stat(*root); err != nil {
		*root = "." // as npm runs it
	}
	if err := run(context.Background(), *root, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, out io.Writer) error {
	files, err := build(ctx, root)
	if err != nil {
		return err
	}
	if err := write(root, files); err != nil {
		return err
	}
	var names []string
	for name := range files {
		if strings.HasSuffix(name, ".js") || strings.HasSuffix(name, ".css") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(out, "%-16s %7d bytes, %6d with gzip\n", name, len(files[name]), gzipped(files[name]))
	}
	return nil
}

// gzipped returns how many bytes content has when compressed.
func gzipped(content []byte) int {
	var compressed bytes.Buffer
	w, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		return 0
	}
	if _, err := w.Write(content); err != nil || w.Close() != nil {
		return 0
	}
	return compressed.Len()
}
