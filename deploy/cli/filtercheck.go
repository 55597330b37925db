package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"weir/deploy/cli/internal/project"
	"weir/filters"
)

// filterCheck is "weir filter check".
type filterCheck struct {
	Module string `arg:"" optional:"" help:"WebAssembly file, the project's by default; - for standard input." placeholder:"FILE"`
	JSON   bool   `help:"Print JSON."`
	projectFlag
}

func (filterCheck) Help() string {
	return `Says what an upload would say: the same checks run here. Of a project it also tells how much fuel the events of
events.jsonl take, with the params of weir.yaml, and holds its routing keys to what they promise.

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
	// Fuel is what the project's events take; none without a project, or one that has no events.jsonl.
	Fuel *fuelView `json:"fuel,omitempty"`
}

func (c *filterCheck) Run(ctx context.Context, con *console, log *slog.Logger) error {
	module, p, err := c.read(ctx, con)
	if err != nil {
		return err
	}
	filter, err := openLocal(ctx, module, log)
	if err != nil {
		return err
	}
	view := viewCheck(filter.Manifest())
	if p != nil {
		view.Fuel, err = projectFuel(ctx, p, filter)
	}
	if err := errors.Join(err, filter.close()); err != nil {
		return err
	}
	if c.JSON {
		return con.printJSON(view)
	}
	return c.print(con, view, p)
}

func viewCheck(manifest filters.Manifest) checkView {
	const pageBytes = 64 << 10
	return checkView{
		SHA256: hex.EncodeToString(manifest.Digest[:]), SizeBytes: manifest.SizeBytes,
		MemoryBytes: int(manifest.MemoryPages) * pageBytes, Abilities: append([]string{}, manifest.Abilities...),
	}
}

// projectFuel returns nothing for a project without events.
func projectFuel(ctx context.Context, p *project.Project, filter *opened) (*fuelView, error) {
	path := p.Path("events.jsonl")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	events, err := readEvents(path)
	if err != nil {
		return nil, err
	}
	prepared, err := filter.Prepare(ctx, p.Params)
	if err != nil {
		return nil, failf("params in "+project.File+" are those to try it out with", "%w", err)
	}
	if err := checkKeys(ctx, filter.Filter, prepared, events); err != nil {
		return nil, err
	}
	return measureFuel(ctx, filter.Filter, prepared, events)
}

func (c *filterCheck) print(con *console, view checkView, p *project.Project) error {
	what := c.Module
	if p != nil {
		what = p.Module
	}
	abilities := "match"
	if len(view.Abilities) > 0 {
		abilities += ", " + strings.Join(view.Abilities, ", ")
	}
	_, err := fmt.Fprintf(con.out, "%s can be uploaded: %s, memory %s an instance, abilities %s, sha256 %.12s…\n",
		what, kib(view.SizeBytes), kib(view.MemoryBytes), abilities, view.SHA256)
	if err == nil && view.Fuel != nil {
		_, err = fmt.Fprintf(con.out, "an event of events.jsonl takes %d to %d units of fuel, and up to %d for each further group\n",
			view.Fuel.Least, view.Fuel.Most, view.Fuel.Group)
	}
	return err
}

// read returns the module, and the project unless it is a file by itself.
func (c *filterCheck) read(ctx context.Context, con *console) ([]byte, *project.Project, error) {
	if c.Module != "" {
		module, err := readModule(con, c.Module)
		return module, nil, err
	}
	p, err := c.load()
	if err != nil {
		return nil, nil, err
	}
	module, err := fresh(ctx, p, con)
	return module, p, err
}
