package cli

import (
	"context"

	"weir/proto/weirpb"
)

type filterPush struct {
	Name   string `arg:"" help:"Name of the filter."`
	Module string `arg:"" help:"WebAssembly file; - for standard input." placeholder:"FILE"`
	trialFlags
	roleCommand
}

func (filterPush) Help() string {
	return `Stores a version that only subscriptions get which name it, until it is promoted. Pushing a module again that the
filter has a version of makes no other. With --shadow or --canary the version is tried at once.

Examples:

    weir filter push viewport viewport.wasm
    weir filter push viewport viewport.wasm --shadow
    weir filter push viewport viewport.wasm --canary 10 --json`
}

func (c *filterPush) Run(ctx context.Context, con *console) error {
	if err := c.check(); err != nil {
		return err
	}
	module, err := readModule(con, c.Module)
	if err != nil {
		return err
	}
	client, err := c.resolve()
	if err != nil {
		return err
	}
	version, err := client.filters().PushFilter(ctx, &weirpb.PushFilterRequest{Tenant: c.or(client), Name: c.Name, Module: module})
	if err == nil && c.trialFlags != (trialFlags{}) {
		version, err = client.filters().SetRollout(ctx, c.request(c.or(client), c.Name, version.GetVersion()))
	}
	if err != nil {
		return client.explain(err)
	}
	return c.print(con, version)
}
