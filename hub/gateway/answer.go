package gateway

import (
	"context"

	"google.golang.org/protobuf/proto"

	"weir/hub/api"
	"weir/proto/fault"
	"weir/proto/weirpb/weirpbconnect"
)

// Answer returns what answers calls that other nodes pass on: the node alone, so that no call is passed on twice.
func Answer(local api.Hub) func(ctx context.Context, procedure string, request []byte) ([]byte, error) {
	return func(ctx context.Context, procedure string, request []byte) ([]byte, error) {
		answer, ok := answers[procedure]
		if !ok {
			return nil, fault.New(fault.InvalidArgument, "this node does not know the call %q", procedure).
				WithHint("is it older than the node that passes the call on?")
		}
		return answer(ctx, local, request)
	}
}

// answers are the calls that are passed on.
var answers = map[string]func(ctx context.Context, local api.Hub, request []byte) ([]byte, error){
	weirpbconnect.EventServiceStateProcedure:              answering(api.Hub.State),
	weirpbconnect.EventServiceGetChannelProcedure:         answering(api.Hub.GetChannel),
	weirpbconnect.TenantServiceCreateTenantProcedure:      answering(api.Hub.CreateTenant),
	weirpbconnect.TenantServiceListTenantsProcedure:       answering(api.Hub.ListTenants),
	weirpbconnect.TenantServiceDeleteTenantProcedure:      answering(api.Hub.DeleteTenant),
	weirpbconnect.TenantServiceSetTenantLimitsProcedure:   answering(api.Hub.SetTenantLimits),
	weirpbconnect.NamespaceServicePutNamespaceProcedure:   answering(api.Hub.PutNamespace),
	weirpbconnect.NamespaceServiceListNamespacesProcedure: answering(api.Hub.ListNamespaces),
	weirpbconnect.KeyServiceCreateApiKeyProcedure:         answering(api.Hub.CreateApiKey),
	weirpbconnect.KeyServiceListApiKeysProcedure:          answering(api.Hub.ListApiKeys),
	weirpbconnect.KeyServiceRevokeApiKeyProcedure:         answering(api.Hub.RevokeApiKey),
	weirpbconnect.KeyServiceCreateSigningKeyProcedure:     answering(api.Hub.CreateSigningKey),
	weirpbconnect.KeyServiceListSigningKeysProcedure:      answering(api.Hub.ListSigningKeys),
	weirpbconnect.KeyServiceRevokeSigningKeyProcedure:     answering(api.Hub.RevokeSigningKey),
	weirpbconnect.FilterServiceUploadFilterProcedure:      answering(api.Hub.UploadFilter),
	weirpbconnect.FilterServicePushFilterProcedure:        answering(api.Hub.PushFilter),
	weirpbconnect.FilterServiceSetRolloutProcedure:        answering(api.Hub.SetRollout),
	weirpbconnect.FilterServicePromoteFilterProcedure:     answering(api.Hub.PromoteFilter),
	weirpbconnect.FilterServiceRollbackFilterProcedure:    answering(api.Hub.RollbackFilter),
	weirpbconnect.FilterServicePauseFilterProcedure:       answering(api.Hub.PauseFilter),
	weirpbconnect.FilterServiceResumeFilterProcedure:      answering(api.Hub.ResumeFilter),
	weirpbconnect.FilterServiceSetFilterLimitsProcedure:   answering(api.Hub.SetFilterLimits),
	weirpbconnect.FilterServiceListFiltersProcedure:       answering(api.Hub.ListFilters),
	weirpbconnect.FilterServiceGetFilterProcedure:         answering(api.Hub.GetFilter),
}

// answering makes an answer of a hub's method.
func answering[Q, A any, PQ message[Q], PA message[A]](
	method func(api.Hub, context.Context, PQ) (PA, error),
) func(context.Context, api.Hub, []byte) ([]byte, error) {
	return answeringOf(method)
}

// answeringOf makes an answer of a method of H.
func answeringOf[H, Q, A any, PQ message[Q], PA message[A]](
	method func(H, context.Context, PQ) (PA, error),
) func(context.Context, H, []byte) ([]byte, error) {
	return func(ctx context.Context, local H, request []byte) ([]byte, error) {
		q := PQ(new(Q))
		if err := proto.Unmarshal(request, q); err != nil {
			return nil, fault.New(fault.InvalidArgument, "the call can't be read").WithCause(err)
		}
		a, err := method(local, ctx, q)
		if err != nil {
			return nil, err
		}
		response, err := proto.Marshal(a)
		if err != nil {
			return nil, fault.New(fault.Internal, "the answer can't be encoded").WithCause(err)
		}
		return response, nil
	}
}
