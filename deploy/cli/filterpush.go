package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"

	"weir/deploy/cli/internal/project"
	"weir/proto/weirpb"
)

type filterPush struct {
	Name   string `arg:"" optional:"" help:"Name of the filter. Without it: the project's."`
	Module string `arg:"" optional:"" help:"WebAssembly file; - for standard input. Without it: the project's, compiled if a source has changed." placeholder:"FILE"`
	DryRun bool   `help:"Say what would be pushed, and whether that changes anything, and push nothing."`
	projectFlag
	trialFlags
	roleCommand
}

func (filterPush) Help() string {
	return `Stores a version that only subscriptions get which name it, until it is promoted. Pushing a module again that the
filter has a version of makes no other. With --shadow or --canary the version is tried at once. In the folder of a project neither
name nor file is needed.

Examples:

    weir filter push
    weir filter push --dry-run
    weir filter push --shadow
    weir filter push viewport viewport.wasm --canary 10 --json`
}

func (c *filterPush) Run(ctx context.Context, con *console, log *slog.Logger) error {
	if err := c.check(); err != nil {
		return err
	}
	what, err := c.read(ctx, con)
	if err != nil {
		return err
	}
	client, err := c.resolve()
	if err != nil {
		return err
	}
	all, err := client.filters().ListFilters(ctx, &weirpb.ListFiltersRequest{Tenant: c.or(client)})
	if err != nil {
		return client.explain(err)
	}
	what.find(all.GetFilters())
	if c.DryRun {
		return c.dryRun(ctx, con, log, what)
	}
	version, err := client.filters().PushFilter(ctx, &weirpb.PushFilterRequest{Tenant: c.or(client), Name: what.name, Module: what.module})
	if err == nil && c.trialFlags != (trialFlags{}) {
		version, err = client.filters().SetRollout(ctx, c.request(c.or(client), what.name, version.GetVersion()))
	}
	if err != nil {
		return client.explain(err)
	}
	return c.print(con, what.view(version))
}

// A pushed is a module that is to become a version.
type pushed struct {
	name   string
	path   string // "" for standard input
	module []byte
	digest [sha256.Size]byte
	there  *weirpb.FilterVersion // that has the module already; nil: none
	next   uint32                // the version that it would be otherwise
}

// read reads the module that is named, or the project's.
func (c *filterPush) read(ctx context.Context, con *console) (*pushed, error) {
	what := &pushed{name: c.Name, path: c.Module}
	var err error
	if c.Module != "" {
		what.module, err = readModule(con, c.Module)
	} else {
		err = c.readProject(ctx, con, what)
	}
	what.digest = sha256.Sum256(what.module)
	return what, err
}

func (c *filterPush) readProject(ctx context.Context, con *console, what *pushed) error {
	p, err := c.load()
	if err != nil {
		return err
	}
	if what.name == "" {
		what.name = p.Name
	}
	if what.name == "" {
		return usagef(`"name: late" in `+project.File+` says so, or weir filter push NAME`, "the project does not say what the filter is called")
	}
	what.path = p.Module
	what.module, err = fresh(ctx, p, con)
	return err
}

// find looks for the module among the versions that there are.
func (p *pushed) find(all []*weirpb.FilterVersion) {
	p.next = 1
	for _, v := range all {
		if v.GetName() != p.name {
			continue
		}
		p.next = max(p.next, v.GetVersion()+1)
		if p.there == nil && bytes.Equal(v.GetDigest(), p.digest[:]) {
			p.there = v
		}
	}
}

// A pushView is what was pushed, or would be, in JSON.
type pushView struct {
	filterView
	// Module is the file. None: standard input.
	Module string `json:"module,omitempty"`
	// Changed says that the version is new.
	Changed bool `json:"changed"`
	DryRun  bool `json:"dry_run,omitempty"`
}

func (p *pushed) view(v *weirpb.FilterVersion) pushView {
	view := pushView{filterView: viewFilter(v), Module: p.path, Changed: p.there == nil}
	if p.path == "-" {
		view.Module = ""
	}
	return view
}

// dryRun makes the checks here that an upload would make, as far as they don't depend on the tenant's limits.
func (c *filterPush) dryRun(ctx context.Context, con *console, log *slog.Logger, what *pushed) error {
	filter, err := openLocal(ctx, what.module, log)
	if err != nil {
		return err
	}
	manifest := filter.Manifest()
	if err := filter.close(); err != nil {
		return err
	}
	version := what.there
	if version == nil {
		version = &weirpb.FilterVersion{
			Name: what.name, Version: what.next, Digest: what.digest[:], SizeBytes: uint32(len(what.module)),
			Abilities: manifest.Abilities, Role: weirpb.FilterRole_FILTER_ROLE_PUSHED,
		}
	}
	view := what.view(version)
	view.DryRun = true
	if view.Changed {
		view.Created = ""
	}
	return c.print(con, view)
}

func (c *filterPush) print(con *console, view pushView) error {
	if c.JSON {
		return con.printJSON(view)
	}
	source := view.Module
	if source == "" {
		source = "standard input"
	}
	module := fmt.Sprintf("%s, %s, sha256 %.12s…", source, kib(view.SizeBytes), view.SHA256)
	lines := []string{fmt.Sprintf("filter %s@%d is %s", view.Name, view.Version, view.use())}
	switch {
	case view.Changed && view.DryRun:
		lines = []string{fmt.Sprintf("filter %s@%d would be new: %s", view.Name, view.Version, module)}
	case view.Changed:
		lines = append(lines, "new: "+module)
	default:
		lines = append(lines, "unchanged: "+module+" is that version already")
	}
	if view.DryRun {
		lines = append(lines, "nothing was pushed")
	}
	if !view.DryRun && (view.Role == "pushed" || view.Role == "superseded") {
		lines = append(lines, fmt.Sprintf("subscribers get it after: weir filter promote %s@%d", view.Name, view.Version))
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(con.out, line); err != nil {
			return err
		}
	}
	return nil
}
