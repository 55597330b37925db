package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCommand is "weir version".
type versionCommand struct {
	JSON bool `help:"Print JSON."`
}

func (versionCommand) Help() string {
	return `Examples:

    weir version
    weir version --json`
}

// A build says what this binary was made of.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func currentBuild() build {
	b := build{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := cmp.Or(info.Main.Version, "(devel)"); v != "(devel)" {
		b.Version = v
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Revision = setting.Value
		case "vcs.time":
			b.Time = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	return b
}

// agent names this software to the other side of a session.
func (b build) agent() string { return "weir/" + b.Version }

func (b build) String() string {
	return fmt.Sprintf("weir %s %s %s", b.Version, b.Go, b.Platform)
}

func (c *versionCommand) Run(con *console) error {
	b := currentBuild()
	if c.JSON {
		return con.printJSON(b)
	}
	_, err := fmt.Fprintln(con.out, b)
	return err
}
