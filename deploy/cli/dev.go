package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"weir/deploy/cli/internal/devfile"
	"weir/deploy/cli/internal/devserver"
)

// devCommand is "weir dev".
type devCommand struct {
	Data        string        `help:"Folder for everything that outlives the process." default:"weir-data" type:"path" env:"WEIR_DATA" placeholder:"DIR"`
	HTTP        string        `name:"http" help:"Address of the page, and of the server API for curl." default:"localhost:8080" env:"WEIR_HTTP" placeholder:"HOST:PORT"`
	Listen      string        `help:"Address for sessions, by TLS over UDP and TCP." default:"localhost:8443" env:"WEIR_LISTEN" placeholder:"HOST:PORT"`
	Admin       string        `help:"Private address: health, metrics, profiles." default:"localhost:8081" env:"WEIR_ADMIN" placeholder:"HOST:PORT"`
	Demo        bool          `help:"Publish live flights to the channel flights." default:"true" negatable:""`
	TokenTTL    time.Duration `name:"token-ttl" help:"How long the tokens are valid that the page and the commands get." default:"1h" placeholder:"DURATION"`
	StopTimeout time.Duration `help:"When told to stop, end after this time whatever is still under way." default:"5s" env:"WEIR_STOP_TIMEOUT" placeholder:"DURATION"`
	Config      string        `help:"YAML file with these settings." type:"path" env:"WEIR_CONFIG" placeholder:"FILE"`
}

func (devCommand) Help() string {
	return `Runs everything in one process: a hub that keeps its data in a folder, an edge, the demo page, and a tenant
"demo" with the namespaces default, chat (log) and flights (state) and the ready-made filters. Other commands find
it by themselves in the folder that it was started in. Ctrl-C stops it; the next start goes on with the same data.

Examples:

    weir dev
    weir dev --no-demo --data /tmp/scratch
    weir dev --http 127.0.0.1:0 --listen 127.0.0.1:0 --admin 127.0.0.1:0`
}

// minTokenTTL keeps clients from doing little else than asking for tokens.
const minTokenTTL = 10 * time.Second

func (c *devCommand) Run(ctx context.Context, con *console, log *slog.Logger) error {
	if c.TokenTTL < minTokenTTL {
		return usagef("", "--token-ttl must be at least %s", minTokenTTL)
	}
	if c.StopTimeout <= 0 {
		return usagef("", "--stop-timeout must be positive")
	}
	fmt.Fprintf(con.err, "weir keeps its data in %s\n", shortPath(c.Data))
	server, err := devserver.Start(ctx, devserver.Config{
		Data: c.Data, HTTP: c.HTTP, Listen: c.Listen, Admin: c.Admin, Demo: c.Demo, TokenTTL: c.TokenTTL, StopTimeout: c.StopTimeout,
		Agent: currentBuild().agent(), Logger: log,
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil // stopped while it was starting
		}
		return c.explain(err)
	}
	c.greet(con, server.Info())
	err = server.Wait(ctx)
	if ctx.Err() != nil {
		fmt.Fprintln(con.err, "stopping; interrupt again to stop at once")
	}
	return errors.Join(err, server.Close())
}

func (c *devCommand) explain(err error) error {
	var address *devserver.AddressError
	switch {
	case errors.As(err, &address):
		return addressFailure(address.Setting, address.Err)
	case errors.Is(err, devserver.ErrLocked):
		hint := `is another "weir dev" running? --data names another folder`
		if running, readErr := devfile.Read(c.Data); readErr == nil {
			hint = fmt.Sprintf(`"weir dev" runs here already: open %s; --data names a folder for another one`, running.Page)
		}
		return failf(hint, "%w", err)
	case errors.As(err, new(*devserver.DataError)):
		return failf("--data names another folder", "%w", err)
	}
	return err
}

// greet prints what to open and what to try.
func (c *devCommand) greet(con *console, info devfile.Info) {
	title := func(text string) string { return con.outStyle(bold, text) }
	fmt.Fprintf(con.out, `
%s        %s
%s        %s
%s  %s   (curl; the key is in %s)
%s       %s   (/readyz, /metrics, /debug/pprof/)
%s       %s

%s
`,
		title("page"), con.outStyle(cyan, info.Page),
		title("edge"), info.Edge,
		title("server API"), info.API, shortPath(devserver.AdminKey(c.Data)),
		title("admin"), info.Admin,
		title("token"), info.Token,
		title("try, in this folder:"))
	weir := invocation(".")
	for _, arguments := range []string{
		"sub chat", `pub chat '{"from":"me","text":"hello"}'`,
		`sub flights --filter viewport --params '{"west":-80,"south":38,"east":-70,"north":44}'`,
	} {
		fmt.Fprintf(con.out, "  %s %s\n", weir, arguments)
	}
	fmt.Fprint(con.out, "\nCtrl-C stops it.\n")
}

// shortPath returns a path relative to the working directory, where that is shorter to read.
func shortPath(path string) string {
	here, err := filepath.Abs(".")
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(here, path)
	if err != nil || len(rel) >= len(path) {
		return path
	}
	if rel == "." || strings.HasPrefix(rel, "..") {
		return rel
	}
	return "." + string(filepath.Separator) + rel
}
