package cli

import (
	"context"

	"weir/proto/weirpb"
)

// trialFlags say how a version is tried.
type trialFlags struct {
	Shadow bool   `help:"Ask it about the same live events, show nobody, and count where its verdicts differ." xor:"trial"`
	Canary uint32 `help:"Let it decide for this share of the subscriptions, in per cent. If it fails it is ended by itself." xor:"trial" placeholder:"N"`
}

func (f trialFlags) check() error {
	if f.Canary > 100 {
		return usagef("", "--canary takes 1 to 100 per cent, not %d", f.Canary)
	}
	return nil
}

// request asks for the trial; for none without flags.
func (f trialFlags) request(tenant, name string, version uint32) *weirpb.SetRolloutRequest {
	r := &weirpb.SetRolloutRequest{Tenant: tenant, Name: name, Version: version, CanaryPercent: f.Canary}
	switch {
	case f.Shadow:
		r.Role = weirpb.FilterRole_FILTER_ROLE_SHADOW
	case f.Canary > 0:
		r.Role = weirpb.FilterRole_FILTER_ROLE_CANARY
	}
	return r
}

type filterRollout struct {
	Filter string `arg:"" help:"Filter; without a version its newest that is not live." placeholder:"NAME[@VERSION]"`
	trialFlags
	Stop bool `help:"End the trial." xor:"trial"`
	roleCommand
}

func (filterRollout) Help() string {
	return `A filter has at most one shadow and one canary; another one takes its place. "weir filter stats" shows how they do.

Examples:

    weir filter rollout viewport --shadow
    weir filter rollout viewport@3 --canary 10
    weir filter rollout viewport@3 --stop`
}

func (c *filterRollout) Run(ctx context.Context, con *console) error {
	if err := c.check(); err != nil {
		return err
	}
	if !c.Stop && c.trialFlags == (trialFlags{}) {
		return usagef("weir filter rollout --help", "say how the version is tried: --shadow, --canary N with N from 1 to 100, or --stop")
	}
	return c.change(ctx, con, c.Filter, func(client *apiClient, tenant, name string, version uint32) (*weirpb.FilterVersion, error) {
		return client.filters().SetRollout(ctx, c.request(tenant, name, version))
	})
}
