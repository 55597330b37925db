package api_test

import (
	"context"
	"testing"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

func (h *fakeHub) GetRegion(context.Context, *weirpb.GetRegionRequest) (*weirpb.Region, error) {
	return &weirpb.Region{Id: "r"}, nil
}

func (h *fakeHub) RetireNode(_ context.Context, r *weirpb.RetireNodeRequest) (*weirpb.RegionNode, error) {
	return &weirpb.RegionNode{Id: r.GetId(), Leaving: true}, nil
}

func (h *fakeHub) VerifyRegion(context.Context, *weirpb.VerifyRegionRequest) (*weirpb.VerifyRegionResponse, error) {
	return &weirpb.VerifyRegionResponse{}, nil
}

func (h *fakeHub) RecoverGroup(context.Context, *weirpb.RecoverGroupRequest) (*weirpb.RecoverGroupResponse, error) {
	return &weirpb.RecoverGroupResponse{}, nil
}

func TestOperatorsManageNodes(t *testing.T) {
	s := serve(t, &fakeHub{})
	for _, x := range []struct{ key, method, body, want string }{
		{operatorKey, "OperatorService/GetRegion", "{}", ""},
		{operatorKey, "OperatorService/RetireNode", `{"id": "hub-3"}`, ""},
		{operatorKey, "OperatorService/RetireNode", "{}", string(fault.InvalidArgument)},
		{operatorKey, "OperatorService/VerifyRegion", "{}", ""},
		{acmeKey, "OperatorService/VerifyRegion", "{}", string(fault.PermissionDenied)},
		{operatorKey, "OperatorService/RecoverGroup", `{"node": "hub-1"}`, ""},
		{operatorKey, "OperatorService/RecoverGroup", "{}", string(fault.InvalidArgument)},
		{acmeKey, "OperatorService/RecoverGroup", `{"node": "hub-1"}`, string(fault.PermissionDenied)},
		{acmeKey, "OperatorService/GetRegion", "{}", string(fault.PermissionDenied)},
		{acmeKey, "OperatorService/RetireNode", `{"id": "hub-3"}`, string(fault.PermissionDenied)},
		{"", "OperatorService/GetRegion", "{}", string(fault.Unauthenticated)},
	} {
		if got := s.post(t, x.method, x.key, x.body).fault(); got != x.want {
			t.Errorf("%s with the key %q and %s: %q, want %q", x.method, x.key, x.body, got, x.want)
		}
	}
}
