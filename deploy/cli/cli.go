// Package cli is weir's command line: one file per subcommand, and what they share.
//
// It is where the parts meet. The hub, the edge and the clients know nothing of each other; here they are opened, joined
// and closed in order.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// grammar is the whole command line, read by kong.
type grammar struct {
	LogLevel string `help:"Least severe log lines to print: debug, info, warn or error. Servers: info, others: warn." enum:"debug,info,warn,error," default:"" env:"WEIR_LOG_LEVEL" placeholder:"LEVEL"`

	Dev devCommand `cmd:"" group:"run" help:"Run a hub and an edge with demo data in one process."`

	Pub pubCommand `cmd:"" group:"use" help:"Publish events to a channel."`
	Sub subCommand `cmd:"" group:"use" help:"Print what a channel delivers."`

	History historyCommand `cmd:"" group:"use" help:"Print what a channel's window holds."`

	Explain explainCommand `cmd:"" group:"use" help:"Say why a filter or a live subscription let an event through, or held it back."`

	Filter    filterCommands    `cmd:"" group:"manage" help:"Write, try, upload and list filters."`
	Namespace namespaceCommands `cmd:"" group:"manage" help:"Create, change and list namespaces."`
	Token     tokenCommand      `cmd:"" group:"manage" help:"Mint a token for a user."`
	Key       keyCommands       `cmd:"" group:"manage" help:"Manage API keys and signing keys."`
	Tenant    tenantCommands    `cmd:"" group:"manage" help:"Create, list and delete tenants."`

	Hub  hubCommand  `cmd:"" group:"operate" help:"Run a hub node: ordering and storage of a region; manage the nodes."`
	Edge edgeCommand `cmd:"" group:"operate" help:"Run an edge: sessions, filters and fan-out."`

	Subscriptions subscriptionsCommand `cmd:"" group:"operate" help:"List the subscriptions that are open on an edge."`
	CA            caCommands           `cmd:"" name:"ca" group:"operate" help:"Make and renew the certificates of hubs and edges."`

	Version versionCommand `cmd:"" group:"more" help:"Print the version."`
}

const description = `weir is a pub/sub relay for live applications that decides at the edge which events reach whom.

Begin with "weir dev"; "weir COMMAND --help" has examples.

Exit codes: 0 done; 1 failed; 2 wrong usage; 3 no answer, it may or may not have been done; 130 ended by a signal before it was done.

With --json a failure is a JSON object, too, the last line of standard error: code, message, hint, retryable, exit.`

var groups = []kong.Group{
	{Key: "run", Title: "Try it:"},
	{Key: "use", Title: "Use it:"},
	{Key: "manage", Title: "Manage a tenant:"},
	{Key: "operate", Title: "Operate it:"},
	{Key: "more", Title: "More:"},
}

// Main runs the command line with the process's arguments, environment and streams and returns its exit code: 0 when it
// did what was asked, 1 when that failed, 2 when it was asked wrongly, 3 when there was no answer, so that it may or may not
// have been done, and 130 when a signal ended it before.
func Main() int {
	// A write to a closed pipe shall return an error, which commands take as the end, rather than kill the process.
	signal.Ignore(syscall.SIGPIPE)
	unsetEmpty(os.Environ())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks for a clean stop; from then on the next one kills, should that take too long.
	defer context.AfterFunc(ctx, stop)()
	return run(ctx, os.Args[1:], newConsole(os.Stdin, os.Stdout, os.Stderr))
}

// unsetEmpty makes an empty variable as good as none, which is what people mean by it in files of variables.
func unsetEmpty(environ []string) {
	for _, variable := range environ {
		if name, empty := strings.CutSuffix(variable, "="); empty && strings.HasPrefix(name, "WEIR_") {
			_ = os.Unsetenv(name) // fails for names with "=" alone
		}
	}
}

// run is Main without the process around it.
func run(ctx context.Context, args []string, con *console) int {
	err := dispatch(withNotices(ctx, con.err), args, con)
	if err == nil {
		return exitOK
	}
	err = interrupted(ctx, err)
	var exit helpShown
	if errors.As(err, &exit) {
		return int(exit)
	}
	if outputIsClosed(err) {
		return exitOK // whoever reads has seen enough
	}
	if con.json || slices.Contains(args, "--json") {
		con.printFailureJSON(err)
	} else {
		con.printFailure(err)
	}
	return exitCode(err)
}

// helpShown ends a command line that asked for help only. Its value is the exit code.
type helpShown int

func (helpShown) Error() string { return "help shown" }

func dispatch(ctx context.Context, args []string, con *console) error {
	var g grammar
	parser, err := newParser(&g, con)
	if err != nil {
		return fmt.Errorf("grammar: %w", err)
	}
	if len(args) == 0 {
		if err := printHelp(parser, con.err); err != nil {
			return err
		}
		return helpShown(exitUsage)
	}
	if args[0] == "help" {
		args = append(args[1:len(args):len(args)], "--help")
	}
	command, err := parse(parser, args)
	if err != nil {
		return err
	}
	con.json = wantsJSON(command)
	log := newLogger(con.err, con.errTerminal, cmp.Or(g.LogLevel, defaultLevel(command.Command())))
	command.Bind(con, log)
	command.BindTo(ctx, (*context.Context)(nil))
	return command.Run()
}

// wantsJSON reports whether a command was told to print JSON.
func wantsJSON(command *kong.Context) bool {
	return slices.ContainsFunc(command.Flags(), func(f *kong.Flag) bool {
		on, ok := command.FlagValue(f).(bool)
		return f.Name == "json" && ok && on
	})
}

func newParser(g *grammar, con *console) (*kong.Kong, error) {
	return kong.New(g,
		kong.Name("weir"),
		kong.Description(description),
		kong.ExplicitGroups(groups),
		kong.Writers(con.out, con.err),
		kong.ValueFormatter(flagHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100}),
		// kong leaves through Exit after printing help. The panic ends the parsing and is caught in parse.
		kong.Exit(func(code int) { panic(helpShown(code)) }),
		kong.Resolvers(&configFile{}),
	)
}

// parse is parser.Parse with kong's exit after help as an error, and its errors as usage errors.
func parse(parser *kong.Kong, args []string) (command *kong.Context, err error) {
	defer func() {
		switch shown := recover().(type) {
		case nil:
		case helpShown:
			err = shown
		default:
			panic(shown)
		}
	}()
	command, err = parser.Parse(args)
	if outputIsClosed(err) { // of help, by "| head"
		return nil, helpShown(exitOK)
	}
	var bad *kong.ParseError
	if errors.As(err, &bad) {
		return nil, usageFrom(bad)
	}
	return command, err
}

func printHelp(parser *kong.Kong, w io.Writer) error {
	parser.Stdout = w
	if _, err := parse(parser, []string{"--help"}); !errors.As(err, new(helpShown)) {
		return err
	}
	return nil
}
