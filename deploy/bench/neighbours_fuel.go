package main

import (
	"context"
	"fmt"
	"net/http"

	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

// fuel returns what a tenant's filters have used, in vain or not, as edges have reported it lately.
func (a *admin) fuel(ctx context.Context, tenant string) (used uint64, err error) {
	found, err := weirpbconnect.NewFilterServiceClient(http.DefaultClient, a.url, a.key).
		GetFilterStats(ctx, &weirpb.GetFilterStatsRequest{Tenant: tenant})
	if err != nil {
		return 0, fmt.Errorf("ask what the filters of %s have used: %w", tenant, err)
	}
	for _, f := range found.GetFilters() {
		used += f.GetTotal().GetFuel() + f.GetTotal().GetUpkeepFuel()
	}
	return used, nil
}
