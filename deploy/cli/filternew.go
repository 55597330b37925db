package cli

import (
	"cmp"
	"errors"
	"fmt"

	"weir/filters/sdk"
	"weir/proto/name"
)

// filterNew is "weir filter new".
type filterNew struct {
	Name string `arg:"" help:"Name of the filter."`
	Lang string `help:"Language: go, rust, assemblyscript or c." enum:"go,rust,assemblyscript,c" required:"" placeholder:"LANG"`
	Dir  string `help:"Folder to write to, NAME by default." type:"path" placeholder:"DIR"`
}

func (filterNew) Help() string {
	return `Writes a small project: a filter that works, the SDK's source, sample events, and cases with what the filter is
expected to say. Nothing is fetched. What it prints are the commands that come next.

Examples:

    weir filter new late --lang go
    weir filter new late --lang rust --dir filters/late`
}

// nextSteps are the commands from a project to a filter that subscribers can name, beside a running "weir dev".
const nextSteps = `filter %[1]s is in %[2]s: write it in %[3]s

  cd %[2]s
  %[4]s filter build
  %[4]s filter test
  %[4]s filter push
  %[4]s filter promote %[1]s@1

The last two find a "weir dev" that runs here or in a folder above; other servers need --api and --api-key.
`

func (c *filterNew) Run(con *console) error {
	if err := name.CheckFilter(c.Name); err != nil {
		return usagef("", "%w", err)
	}
	dir := cmp.Or(c.Dir, c.Name)
	source, err := sdk.Write(dir, c.Name, c.Lang)
	if errors.Is(err, sdk.ErrExists) {
		return usagef("--dir names another folder", "%w", err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(con.out, nextSteps, c.Name, shortPath(dir), source, invocation(dir))
	return err
}
