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
expected to say. Nothing is fetched.

Examples:

    weir filter new late --lang go
    cd late
    weir filter test
    weir filter upload late build/late.wasm`
}

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
	_, err = fmt.Fprintf(con.out, "filter %s is in %s: write it in %s\n\n  cd %s\n  weir filter build\n  weir filter test\n",
		c.Name, shortPath(dir), source, shortPath(dir))
	return err
}
