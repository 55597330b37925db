package api

import (
	"context"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// operator serves weir.v1.OperatorService, to operators alone.
type operator struct{ hub Hub }

func (s operator) GetRegion(ctx context.Context, r *weirpb.GetRegionRequest) (*weirpb.Region, error) {
	if _, err := operatorsOnly(ctx, ""); err != nil {
		return nil, err
	}
	return s.hub.GetRegion(ctx, r)
}

func (s operator) RetireNode(ctx context.Context, r *weirpb.RetireNodeRequest) (*weirpb.RegionNode, error) {
	if _, err := operatorsOnly(ctx, ""); err != nil {
		return nil, err
	}
	if r.GetId() == "" {
		return nil, fault.New(fault.InvalidArgument, "the request does not say which node is to leave")
	}
	return s.hub.RetireNode(ctx, r)
}

func (s operator) VerifyRegion(ctx context.Context, r *weirpb.VerifyRegionRequest) (*weirpb.VerifyRegionResponse, error) {
	if _, err := operatorsOnly(ctx, ""); err != nil {
		return nil, err
	}
	return s.hub.VerifyRegion(ctx, r)
}

func (s operator) RecoverGroup(ctx context.Context, r *weirpb.RecoverGroupRequest) (*weirpb.RecoverGroupResponse, error) {
	if _, err := operatorsOnly(ctx, ""); err != nil {
		return nil, err
	}
	if r.GetNode() == "" {
		return nil, fault.New(fault.InvalidArgument, "the request does not say which node has the group's data")
	}
	return s.hub.RecoverGroup(ctx, r)
}
