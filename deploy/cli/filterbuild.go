package cli

import (
	"context"
	"fmt"
)

// filterBuild is "weir filter build".
type filterBuild struct {
	projectFlag
}

func (filterBuild) Help() string {
	return `Compiles the project in this folder, with the compiler of its language or the command that weir.yaml names. The other
commands do that by themselves when a source has changed.

Examples:

    weir filter build
    weir filter build --dir late`
}

func (c *filterBuild) Run(ctx context.Context, con *console) error {
	p, err := c.load()
	if err != nil {
		return err
	}
	module, err := p.Build(ctx, con.err)
	if err != nil {
		return explainBuild(err)
	}
	_, err = fmt.Fprintf(con.out, "built %s (%s)\n", p.Module, kib(len(module)))
	return err
}
