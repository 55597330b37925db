package hub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"

	"weir/hub/internal/control"
	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/name"
	"weir/proto/weirpb"
)

// maxModule is the longest module, in bytes.
const maxModule = 4 << 20

// UploadFilter validates a module and stores it as the next version of the filter, the live one. Uploading the live
// version again changes nothing.
func (h *Hub) UploadFilter(ctx context.Context, r *weirpb.UploadFilterRequest) (*weirpb.FilterVersion, error) {
	if err := name.CheckFilter(r.GetName()); err != nil {
		return nil, err
	}
	t, err := h.tenant(r.GetTenant())
	if err != nil {
		return nil, err
	}
	module := r.GetModule()
	switch {
	case len(module) == 0:
		return nil, fault.New(fault.ModuleInvalid, "the module is missing")
	case len(module) > maxModule:
		return nil, fault.New(fault.ModuleTooLarge, "the module has %d bytes, at most %d are allowed", len(module), maxModule)
	}
	digest := sha256.Sum256(module)
	if live := t.Live(r.GetName()); live != nil && bytes.Equal(live.GetDigest(), digest[:]) {
		return live, nil
	}
	if h.config.Inspect == nil {
		return nil, fault.New(fault.Unavailable, "this hub has no filter engine to validate modules with")
	}
	abilities, err := h.config.Inspect(ctx, module)
	if err != nil {
		return nil, err
	}
	return h.storeFilter(ctx, r, digest, abilities)
}

// storeFilter sends the module in parts, then makes it a version. Parts that are there already are passed over, so if the
// module goes meanwhile, with the last tenant that had it, it is sent once more.
func (h *Hub) storeFilter(ctx context.Context, r *weirpb.UploadFilterRequest, digest [32]byte, abilities []string) (v *weirpb.FilterVersion, err error) {
	const attempts = 2
	for range attempts {
		chunks, err := h.putChunks(ctx, digest[:], r.GetModule())
		if err != nil {
			return nil, err
		}
		v, err = change[weirpb.FilterVersion](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_CommitFilter{
			CommitFilter: &logpb.CommitFilter{
				Tenant: r.GetTenant(), Name: r.GetName(), Digest: digest[:], Chunks: chunks,
				SizeBytes: uint32(len(r.GetModule())), Abilities: abilities,
			},
		}})
		if !errors.Is(err, fault.New(fault.Unavailable, "")) {
			return v, err
		}
	}
	return nil, fault.New(fault.Unavailable, "the module could not be stored").WithCause(err)
}

func (h *Hub) putChunks(ctx context.Context, digest, module []byte) (chunks uint32, err error) {
	for part := range slices.Chunk(module, control.ChunkBytes) {
		_, err := change[logpb.ModuleRecord](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_PutChunk{
			PutChunk: &logpb.PutChunk{Digest: digest, Index: chunks, Data: part},
		}})
		if err != nil {
			return 0, err
		}
		chunks++
	}
	return chunks, nil
}

// ListFilters lists a tenant's filters by name, with all versions.
func (h *Hub) ListFilters(_ context.Context, r *weirpb.ListFiltersRequest) (*weirpb.ListFiltersResponse, error) {
	t, err := h.tenant(r.GetTenant())
	if err != nil {
		return nil, err
	}
	response := &weirpb.ListFiltersResponse{}
	for _, called := range slices.Sorted(maps.Keys(t.Filters)) {
		response.Filters = append(response.Filters, t.Filters[called]...)
	}
	return response, nil
}

// GetFilter describes one version of a filter, the live one for 0, with its module if that is asked for.
func (h *Hub) GetFilter(ctx context.Context, r *weirpb.GetFilterRequest) (*weirpb.GetFilterResponse, error) {
	t, err := h.tenant(r.GetTenant())
	if err != nil {
		return nil, err
	}
	v := t.Live(r.GetName())
	if n := r.GetVersion(); n != 0 {
		v = nil
		if versions := t.Filters[r.GetName()]; int64(n) <= int64(len(versions)) {
			v = versions[n-1]
		}
	}
	if v == nil {
		return nil, fault.New(fault.FilterUnknown, "the tenant has no filter %.64q at this version", r.GetName()).
			WithHint("weir filter list")
	}
	response := &weirpb.GetFilterResponse{Filter: v}
	if r.GetWithModule() {
		response.Module, err = h.Module(ctx, v.GetDigest())
	}
	return response, err
}
