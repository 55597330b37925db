package cli

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

// filterCommands is "weir filter".
type filterCommands struct {
	Upload filterUpload `cmd:"" help:"Validate a module and make it the live version of a filter."`
	List   filterList   `cmd:"" help:"List filters with their versions."`

	Push     filterPush     `cmd:"" help:"Validate a module and store it as a version that is not live yet."`
	Rollout  filterRollout  `cmd:"" help:"Try a version beside the live one, as its shadow or as a canary."`
	Promote  filterPromote  `cmd:"" help:"Make a version the live one."`
	Rollback filterRollback `cmd:"" help:"Go back to the version that was live before."`
	Pause    filterPause    `cmd:"" help:"Stop asking a version: the failure policy decides."`
	Resume   filterResume   `cmd:"" help:"Ask a paused version again."`
	Limits   filterLimits   `cmd:"" help:"Say what a filter may use, or change it."`
	Stats    filterStats    `cmd:"" help:"Say what each version has done, on all edges."`
	Logs     filterLogs     `cmd:"" help:"Print what a filter says, on all edges."`

	New   filterNew   `cmd:"" help:"Write a project for a new filter."`
	Build filterBuild `cmd:"" help:"Compile the project in this folder."`
	Check filterCheck `cmd:"" help:"Say what an upload would say."`
	Test  filterTest  `cmd:"" help:"Run the project's cases."`
	Bench filterBench `cmd:"" help:"Measure the time for a decision."`
	Try   filterRun   `cmd:"" name:"run" help:"Try the project on a live channel, without deploying it."`
}

func (filterCommands) Help() string {
	return `A filter is a WebAssembly module that decides which subscriber gets which event. Subscribers name it and give params.

Examples:

    weir filter new late --lang go && cd late && weir filter test
    weir filter upload viewport viewport.wasm
    weir filter list
    weir filter push viewport viewport.wasm --canary 10 && weir filter promote viewport
    weir sub flights --filter viewport --params '{"west":-80,"south":38,"east":-70,"north":44}'`
}

// filterView is one version of a filter in JSON.
type filterView struct {
	Tenant    string   `json:"tenant"`
	Name      string   `json:"name"`
	Version   uint32   `json:"version"`
	Live      bool     `json:"live"`
	Role      string   `json:"role"`
	Canary    uint32   `json:"canary_percent,omitempty"`
	Paused    bool     `json:"paused,omitempty"`
	SHA256    string   `json:"sha256"`
	SizeBytes uint32   `json:"size_bytes"`
	Abilities []string `json:"abilities"`
	Created   string   `json:"created"`
	// HistoryDependent says that an edge has caught it depending on history; see "weir filter stats".
	HistoryDependent bool `json:"history_dependent,omitempty"`
}

func viewFilter(f *weirpb.FilterVersion) filterView {
	return filterView{
		Tenant:    f.GetTenant(),
		Name:      f.GetName(),
		Version:   f.GetVersion(),
		Live:      f.GetLive(),
		Role:      roleOf(f),
		Canary:    f.GetCanaryPercent(),
		Paused:    f.GetPaused(),
		SHA256:    hex.EncodeToString(f.GetDigest()),
		SizeBytes: f.GetSizeBytes(),
		Abilities: append([]string{}, f.GetAbilities()...),
		Created:   timestamp(f.GetCreatedMs()),
	}
}

// maxModule is the longest module that is read, in bytes: more than a server takes, so that the server says the limit.
const maxModule = 8 << 20

type filterUpload struct {
	Name   string `arg:"" help:"Name of the filter."`
	Module string `arg:"" help:"WebAssembly file; - for standard input." placeholder:"FILE"`
	JSON   bool   `help:"Print JSON."`
	tenantFlag
	apiTarget
}

func (filterUpload) Help() string {
	return `Makes a version the live one at once, for when nobody is watching yet; else push, try and promote it.

Examples:

    weir filter upload viewport viewport.wasm
    weir filter upload viewport - --json < viewport.wasm`
}

func (c *filterUpload) Run(ctx context.Context, con *console) error {
	module, err := readModule(con, c.Module)
	if err != nil {
		return err
	}
	client, err := c.resolve()
	if err != nil {
		return err
	}
	version, err := client.filters().UploadFilter(ctx, &weirpb.UploadFilterRequest{
		Tenant: c.or(client), Name: c.Name, Module: module,
	})
	if err != nil {
		return client.explain(err)
	}
	view := viewFilter(version)
	if c.JSON {
		return con.printJSON(view)
	}
	_, err = fmt.Fprintf(con.out, "filter %s@%d is live (%s, sha256 %.12s…)\n",
		view.Name, view.Version, byteSize(view.SizeBytes), view.SHA256)
	return err
}

func readModule(con *console, path string) ([]byte, error) {
	source := con.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, usagef("", "can't read the module: %w", err)
		}
		defer f.Close()
		source = f
	}
	module, err := io.ReadAll(io.LimitReader(source, maxModule+1))
	if err != nil {
		return nil, failf("", "can't read the module: %w", err)
	}
	if len(module) > maxModule {
		return nil, failf("", "the module is longer than %s", byteSize(maxModule))
	}
	return module, nil
}

type filterList struct {
	JSON bool `help:"Print a JSON object a line."`
	tenantFlag
	apiTarget
}

func (filterList) Help() string {
	return `Examples:

    weir filter list
    weir filter list --json
    weir filter list --api https://hub.example.com:8444 --tenant acme`
}

func (c *filterList) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	response, err := client.filters().ListFilters(ctx, &weirpb.ListFiltersRequest{Tenant: c.or(client)})
	if err != nil {
		return client.explain(err)
	}
	caught := c.historyDependent(ctx, client)
	list := listing{none: "no filters", header: []string{"NAME", "VERSION", "ROLE", "SIZE", "ABILITIES", "SHA-256", "CREATED"}}
	for _, version := range response.GetFilters() {
		view := viewFilter(version)
		view.HistoryDependent = caught[nameVersion{view.Name, view.Version}]
		list.add(view, view.Name, fmt.Sprint(view.Version), view.use(), byteSize(view.SizeBytes).String(),
			strings.Join(view.Abilities, ","), view.SHA256[:min(12, len(view.SHA256))], view.Created)
	}
	return list.print(con, c.JSON)
}

type nameVersion struct {
	name    string
	version uint32
}

// historyDependent returns the versions that edges have caught depending on history. A hub that can't say so has caught none:
// the list of filters does not need it.
func (c *filterList) historyDependent(ctx context.Context, client *apiClient) map[nameVersion]bool {
	response, err := client.filters().GetFilterStats(ctx, &weirpb.GetFilterStatsRequest{Tenant: c.or(client)})
	if err != nil {
		return nil
	}
	caught := map[nameVersion]bool{}
	for _, s := range response.GetFilters() {
		if s.GetTotal().GetHistoryDependent() > 0 {
			caught[nameVersion{s.GetFilter().GetName(), s.GetFilter().GetVersion()}] = true
		}
	}
	return caught
}

func (c *apiClient) filters() weirpbconnect.FilterServiceClient {
	return weirpbconnect.NewFilterServiceClient(c.http, c.url)
}
