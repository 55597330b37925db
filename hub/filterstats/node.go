package filterstats

import (
	"context"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A Lister knows the versions of a tenant's filters; *hub.Hub does.
type Lister interface {
	ListFilters(context.Context, *weirpb.ListFiltersRequest) (*weirpb.ListFiltersResponse, error)
}

// A Node answers what is asked about filters from the ledger of one hub node. It is safe for concurrent use.
type Node struct {
	hub    Lister
	ledger *Ledger
}

// NewNode returns the Node of a hub and its ledger.
func NewNode(hub Lister, ledger *Ledger) *Node { return &Node{hub, ledger} }

// GetFilterStats returns what versions have done, as edges have reported it to this node.
func (n *Node) GetFilterStats(ctx context.Context, r *weirpb.GetFilterStatsRequest) (*weirpb.GetFilterStatsResponse, error) {
	versions, err := n.versions(ctx, r.GetTenant(), r.GetName())
	if err != nil {
		return nil, err
	}
	return n.ledger.Stats(versions), nil
}

// GetFilterLogs returns what filters have said, as edges have reported it to this node.
func (n *Node) GetFilterLogs(ctx context.Context, r *weirpb.GetFilterLogsRequest) (*weirpb.GetFilterLogsResponse, error) {
	versions, err := n.versions(ctx, r.GetTenant(), r.GetName())
	if err != nil {
		return nil, err
	}
	return n.ledger.Lines(r.GetTenant(), versions, r.GetAfter()), nil
}

// versions lists a tenant's versions, of one filter unless its name is empty.
func (n *Node) versions(ctx context.Context, tenant, name string) ([]*weirpb.FilterVersion, error) {
	all, err := n.hub.ListFilters(ctx, &weirpb.ListFiltersRequest{Tenant: tenant})
	if err != nil {
		return nil, err
	}
	var versions []*weirpb.FilterVersion
	for _, v := range all.GetFilters() {
		if name == "" || name == v.GetName() {
			versions = append(versions, v)
		}
	}
	if len(versions) == 0 && name != "" {
		return nil, fault.New(fault.FilterUnknown, "the tenant has no filter %.64q", name).WithHint("weir filter list")
	}
	return versions, nil
}
