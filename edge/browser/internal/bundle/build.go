package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

// A target is one bundled file.
type target struct {
	entry, output string
	external      []string
}

// targets: the SDK, and the demonstration, which loads the SDK as any page does.
var targets = []target{
	{entry: "src/index.ts", output: "weir.js"},
	{entry: "demo/src/main.ts", output: "demo/demo.js", external: []string{"/weir.js"}},
	{entry: "demo/styles/demo.css", output: "demo/demo.css"},
}

// copied maps what is taken as it is, files and folders, to its place in dist.
var copied = map[string]string{"demo/index.html": "demo/index.html", "demo/assets": "demo"}

// licence heads the SDK: what it contains of others asks to be named.
const licence = "/*! weir, Apache-2.0. Contains @bufbuild/protobuf, Apache-2.0 and BSD-3-Clause. */"

// build returns the content of dist, by slash-separated path.
func build(ctx context.Context, root string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, t := range targets {
		content, err := t.bundle(root)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.entry, err)
		}
		files[t.output] = content
	}
	for from, to := range copied {
		if err := copyInto(files, filepath.Join(root, from), to); err != nil {
			return nil, err
		}
	}
	if err := declarations(ctx, root, files); err != nil {
		return nil, fmt.Errorf("declarations: %w", err)
	}
	manifest, err := manifestOf(root, files)
	if err != nil {
		return nil, err
	}
	files[manifestName] = manifest
	return files, nil
}

func (t target) bundle(root string) ([]byte, error) {
	dir, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	options := api.BuildOptions{
		AbsWorkingDir: dir, EntryPoints: []string{t.entry}, External: t.external, Outfile: filepath.Base(t.output),
		Bundle: true, Format: api.FormatESModule, Platform: api.PlatformBrowser, Target: api.ES2022,
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true, Charset: api.CharsetUTF8,
		LegalComments: api.LegalCommentsInline,
	}
	if t.output == "weir.js" {
		options.Banner = map[string]string{"js": licence}
	}
	result := api.Build(options)
	if len(result.Errors) > 0 {
		return nil, errors.New(api.FormatMessages(result.Errors, api.FormatMessagesOptions{})[0])
	}
	return result.OutputFiles[0].Contents, nil
}

// copyInto adds the file or the folder at from to files, as to.
func copyInto(files map[string][]byte, from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		files[filepath.ToSlash(filepath.Join(to, rel))] = content
		return err
	})
}

// write replaces dist by files.
func write(root string, files map[string][]byte) error {
	dist := filepath.Join(root, "dist")
	if err := os.RemoveAll(dist); err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(dist, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
