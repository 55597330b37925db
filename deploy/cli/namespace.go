package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

// namespaceCommands is "weir namespace".
type namespaceCommands struct {
	Create namespaceCreate `cmd:"" help:"Create a namespace."`
	Set    namespaceSet    `cmd:"" help:"Change settings of a namespace."`
	List   namespaceList   `cmd:"" help:"List namespaces with their settings."`
}

func (namespaceCommands) Help() string {
	return `A channel's namespace is what stands before the first ":" of its name: "chat:room-1" is in "chat", and so is "chat".
A channel without ":" whose name is no namespace is in "default".

Examples:

    weir namespace create chat
    weir namespace create flights --kind state --keys 20000
    weir namespace set chat --window-age 1h --window-bytes 128MiB
    weir namespace list`
}

// namespaceSettings are flags; what isn't given is left as it is.
type namespaceSettings struct {
	Kind            string         `help:"log: a sequence of events. state: the latest event per key. Can't be changed later." enum:"log,state," default:"" placeholder:"log|state"`
	WindowAge       *time.Duration `help:"How long events can be replayed. 0: the default, 10m." placeholder:"DURATION"`
	WindowBytes     *byteSize      `help:"How many bytes of events can be replayed, per channel. 0: the default, 64MiB." placeholder:"SIZE"`
	WindowCount     *uint64        `help:"How many events can be replayed, per channel. 0: the default, 1000000." placeholder:"N"`
	PayloadBytes    *byteSize      `help:"Longest payload, up to 128KiB. 0: the default, 64KiB." placeholder:"SIZE"`
	Keys            *uint32        `help:"State: most keys that have a value at once. 0: the default, 100000." placeholder:"N"`
	DedupeAge       *time.Duration `help:"How long a publisher may wait before a retry. 0: the default, 10m." placeholder:"DURATION"`
	OnFilterFailure string         `help:"Events that a filter fails on: held back, let through, or decided by the version before." enum:"closed,open,last-good," default:"" placeholder:"closed|open|last-good"`
}

// apply changes n as the flags say.
func (s *namespaceSettings) apply(n *weirpb.Namespace) error {
	if s.Kind != "" {
		n.Kind = weirpb.ChannelKind(weirpb.ChannelKind_value["CHANNEL_KIND_"+strings.ToUpper(s.Kind)])
	}
	if s.OnFilterFailure != "" {
		name := "FAILURE_POLICY_" + strings.ToUpper(strings.ReplaceAll(s.OnFilterFailure, "-", "_"))
		n.OnFilterFailure = weirpb.FailurePolicy(weirpb.FailurePolicy_value[name])
	}
	for _, age := range []struct {
		flag   string
		from   *time.Duration
		target *uint64
	}{
		{"--window-age", s.WindowAge, &n.WindowAgeMs},
		{"--dedupe-age", s.DedupeAge, &n.DedupeAgeMs},
	} {
		if age.from == nil {
			continue
		}
		if *age.from < 0 {
			return usagef("", "%s can't be negative", age.flag)
		}
		*age.target = uint64(age.from.Milliseconds())
	}
	if s.WindowBytes != nil {
		n.WindowBytes = uint64(*s.WindowBytes)
	}
	if s.WindowCount != nil {
		n.WindowCount = *s.WindowCount
	}
	if s.PayloadBytes != nil {
		n.PayloadBytes = uint32(min(*s.PayloadBytes, 1<<32-1))
	}
	if s.Keys != nil {
		n.Keys = *s.Keys
	}
	return nil
}

type namespaceCreate struct {
	Name string `arg:"" help:"1 to 63 of a-z, 0-9, \"-\" and \"_\"."`
	namespaceSettings
	JSON bool `help:"Print JSON."`
	tenantFlag
	apiTarget
}

func (namespaceCreate) Help() string {
	return `Examples:

    weir namespace create chat
    weir namespace create flights --kind state --keys 20000
    weir namespace create ledger --window-age 24h --on-filter-failure last-good`
}

func (c *namespaceCreate) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	n := newNamespace(c.or(client), c.Name)
	if err := c.apply(n); err != nil {
		return err
	}
	return putNamespace(ctx, con, client, &weirpb.PutNamespaceRequest{Namespace: n, Create: true}, c.JSON)
}

type namespaceSet struct {
	Name string `arg:"" help:"Namespace to change."`
	namespaceSettings
	JSON bool `help:"Print JSON."`
	tenantFlag
	apiTarget
}

func (namespaceSet) Help() string {
	return `Examples:

    weir namespace set chat --window-age 1h --window-bytes 128MiB
    weir namespace set chat --window-age 0`
}

func (c *namespaceSet) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	// A put replaces all settings: begin with those that hold.
	response, err := client.namespaces().ListNamespaces(ctx, &weirpb.ListNamespacesRequest{Tenant: c.or(client)})
	if err != nil {
		return client.explain(err)
	}
	i := slices.IndexFunc(response.GetNamespaces(), func(n *weirpb.Namespace) bool { return n.GetName() == c.Name })
	if i < 0 {
		return failf("weir namespace create "+c.Name, "there is no namespace %q", c.Name)
	}
	n := response.GetNamespaces()[i]
	if err := c.apply(n); err != nil {
		return err
	}
	return putNamespace(ctx, con, client, &weirpb.PutNamespaceRequest{Namespace: n}, c.JSON)
}

func newNamespace(tenant, name string) *weirpb.Namespace {
	return &weirpb.Namespace{Tenant: tenant, Name: name, Kind: weirpb.ChannelKind_CHANNEL_KIND_LOG}
}

func putNamespace(ctx context.Context, con *console, client *apiClient, r *weirpb.PutNamespaceRequest, asJSON bool) error {
	n, err := client.namespaces().PutNamespace(ctx, r)
	if err != nil {
		return client.explain(err)
	}
	view := viewNamespace(n)
	if asJSON {
		return con.printJSON(view)
	}
	_, err = fmt.Fprintf(con.out, "namespace %s (%s) is set\n", view.Name, view.Kind)
	return err
}

type namespaceList struct {
	JSON bool `help:"Print a JSON object a line."`
	tenantFlag
	apiTarget
}

func (namespaceList) Help() string {
	return `Examples:

    weir namespace list
    weir namespace list --tenant acme --json`
}

func (c *namespaceList) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	response, err := client.namespaces().ListNamespaces(ctx, &weirpb.ListNamespacesRequest{Tenant: c.or(client)})
	if err != nil {
		return client.explain(err)
	}
	list := listing{
		none:   "no namespaces",
		header: []string{"NAME", "KIND", "WINDOW AGE", "WINDOW BYTES", "WINDOW COUNT", "PAYLOAD", "KEYS", "ON FILTER FAILURE"},
	}
	for _, n := range response.GetNamespaces() {
		view := viewNamespace(n)
		list.add(view, view.Name, view.Kind, orDefault(view.WindowAge), orDefault(byteSize(view.WindowBytes).String()),
			orDefault(fmt.Sprint(view.WindowCount)), orDefault(byteSize(view.PayloadBytes).String()),
			orDefault(fmt.Sprint(view.Keys)), view.OnFilterFailure)
	}
	return list.print(con, c.JSON)
}

// orDefault names a setting that nobody has set.
func orDefault(value string) string {
	if value == "0" || value == "0s" {
		return "default"
	}
	return value
}

func (c *apiClient) namespaces() weirpbconnect.NamespaceServiceClient {
	return weirpbconnect.NewNamespaceServiceClient(c.http, c.url)
}
