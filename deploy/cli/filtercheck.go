package cli

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
)

// filterCheck is "weir filter check".
type filterCheck struct {
	Module string `arg:"" optional:"" help:"WebAssembly file, the project's by default; - for standard input." placeholder:"FILE"`
	JSON   bool   `help:"Print JSON."`
	projectFlag
}

func (filterCheck) Help() string {
	return `Says what an upload would say: the same checks run here.

Examples:

    weir filter check
    weir filter check other.wasm --json`
}

// A checkView is what is known about a module, in JSON.
type checkView struct {
	SHA256      string   `json:"sha256"`
	SizeBytes   int      `json:"size_bytes"`
	MemoryBytes int      `json:"memory_bytes"`
	Abilities   []string `json:"abilities"`
}

func (c *filterCheck) Run(ctx context.Context, con *console, log *slog.Logger) error {
	module, what, err := c.read(ctx, con)
	if err != nil {
		return err
	}
	filter, err := openLocal(ctx, module, log)
	if err != nil {
		return err
	}
	manifest := filter.Manifest()
	if err := filter.close(); err != nil {
		return err
	}
	const pageBytes = 64 << 10
	view := checkView{
		SHA256: hex.EncodeToString(manifest.Digest[:]), SizeBytes: manifest.SizeBytes,
		MemoryBytes: int(manifest.MemoryPages) * pageBytes, Abilities: append([]string{}, manifest.Abilities...),
	}
	if c.JSON {
		return con.printJSON(view)
	}
	abilities := "match"
	if len(view.Abilities) > 0 {
		abilities += ", " + strings.Join(view.Abilities, ", ")
	}
	_, err = fmt.Fprintf(con.out, "%s can be uploaded: %s, memory %s an instance, abilities %s, sha256 %.12s…\n",
		what, kib(view.SizeBytes), kib(view.MemoryBytes), abilities, view.SHA256)
	return err
}

// read returns the module and what to call it.
func (c *filterCheck) read(ctx context.Context, con *console) ([]byte, string, error) {
	if c.Module != "" {
		module, err := readModule(con, c.Module)
		return module, c.Module, err
	}
	p, err := c.load()
	if err != nil {
		return nil, "", err
	}
	module, err := fresh(ctx, p, con)
	return module, p.Module, err
}
