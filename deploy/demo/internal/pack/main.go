// Command pack makes the demo's data from the npm package vega-datasets:
//
//	npm pack vega-datasets@3.2.1
//	go run ./deploy/demo/internal/pack vega-datasets-3.2.1.tgz
//
// It is run by hand, from the top of the repository; what it writes is committed.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// Where the parts of the answer go: the feed embeds the table, the page loads the other two.
const (
	tableFile    = "deploy/demo/data/table.gz"
	airportsFile = "edge/browser/demo/assets/airports.json"
	outlinesFile = "edge/browser/demo/assets/outlines.bin"
)

func main() {
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(context.Background(), logger, os.Args[1:]); err != nil {
		logger.Error("packing failed", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, logger *slog.Logger, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: pack vega-datasets-VERSION.tgz")
	}
	files, err := readArchive(args[0],
		"package/data/flights-20k.json", "package/data/airports.csv",
		"package/data/us-10m.json", "package/data/world-110m.json")
	if err != nil {
		return err
	}
	t, err := buildTable(files["package/data/flights-20k.json"], files["package/data/airports.csv"])
	if err != nil {
		return err
	}
	packed, err := encodeTable(t)
	if err != nil {
		return err
	}
	airports, err := airportsJSON(t)
	if err != nil {
		return err
	}
	outlines, err := buildOutlines(files["package/data/us-10m.json"], files["package/data/world-110m.json"])
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{tableFile: packed, airportsFile: airports, outlinesFile: outlines} {
		if err := write(name, content); err != nil {
			return err
		}
		logger.InfoContext(ctx, "written", "file", name, "bytes", len(content))
	}
	return nil
}

func write(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	return nil
}
