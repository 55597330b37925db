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
	return h.addFilter(ctx, &upload{tenant: r.GetTenant(), name: r.GetName(), module: r.GetModule()})
}

// PushFilter validates a module and stores it as the next version of the filter, without making it live. Pushing a module
// that is a version already changes nothing.
func (h *Hub) PushFilter(ctx context.Context, r *weirpb.PushFilterRequest) (*weirpb.FilterVersion, error) {
	return h.addFilter(ctx, &upload{tenant: r.GetTenant(), name: r.GetName(), module: r.GetModule(), push: true})
}

// An upload is a module on its way to becoming a version.
type upload struct {
	tenant, name string
	module       []byte
	push         bool
	digest       [32]byte
}

func (h *Hub) addFilter(ctx context.Context, u *upload) (*weirpb.FilterVersion, error) {
	if err := name.CheckFilter(u.name); err != nil {
		return nil, err
	}
	t, err := h.tenant(u.tenant)
	if err != nil {
		return nil, err
	}
	switch most := int(t.ModuleBytes(u.name, maxModule)); {
	case len(u.module) == 0:
		return nil, fault.New(fault.ModuleInvalid, "the module is missing")
	case len(u.module) > maxModule:
		return nil, fault.New(fault.ModuleTooLarge, "the module has %d bytes, and none may have more than %d", len(u.module), maxModule).
			WithHint("strip debug information and optimise for size")
	case len(u.module) > most:
		return nil, fault.New(fault.ModuleTooLarge, "the module has %d bytes, and at most %d are allowed", len(u.module), most).
			WithHint("%s --module-bytes %d", u.raise(t, func(l *weirpb.FilterLimits) int { return int(l.GetModuleBytes()) }, most), len(u.module))
	}
	u.digest = sha256.Sum256(u.module)
	if same := u.present(t); same != nil {
		return same, nil
	}
	if h.config.Inspect == nil {
		return nil, fault.New(fault.Unavailable, "this hub has no filter engine to validate modules with")
	}
	abilities, err := h.config.Inspect(ctx, &Upload{
		Tenant: u.tenant, Filter: u.name, Module: u.module,
		TenantPages: t.Limits().GetMemoryPages(), FilterPages: t.FilterLimits(u.name).GetMemoryPages(),
	})
	if err != nil {
		return nil, err
	}
	return h.storeFilter(ctx, u, abilities)
}

// raise returns the command that raises a limit, which is most: the filter's own, or its tenant's.
func (u *upload) raise(t *control.Tenant, limit func(*weirpb.FilterLimits) int, most int) string {
	if limit(t.FilterLimits(u.name)) == most {
		return "weir filter limits " + u.name
	}
	return "operators: weir tenant limits " + u.tenant
}

// present returns the version that makes the upload needless, nil if there is none.
func (u *upload) present(t *control.Tenant) *weirpb.FilterVersion {
	if u.push {
		return t.WithModule(u.name, u.digest[:])
	}
	if live := t.Live(u.name); live != nil && bytes.Equal(live.GetDigest(), u.digest[:]) {
		return live
	}
	return nil
}

// storeFilter sends the module in parts, then makes it a version. Parts that are there already are passed over, so if the
// module goes meanwhile, with the last tenant that had it, it is sent once more.
func (h *Hub) storeFilter(ctx context.Context, u *upload, abilities []string) (v *weirpb.FilterVersion, err error) {
	const attempts = 2
	for range attempts {
		chunks, err := h.putChunks(ctx, u.digest[:], u.module)
		if err != nil {
			return nil, err
		}
		v, err = change[weirpb.FilterVersion](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_CommitFilter{
			CommitFilter: &logpb.CommitFilter{
				Tenant: u.tenant, Name: u.name, Digest: u.digest[:], Chunks: chunks,
				SizeBytes: uint32(len(u.module)), Abilities: abilities, Push: u.push,
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

// GetFilter describes one version of a filter, for 0 the one that is live, or was at a time, with its module if that is
// asked for.
func (h *Hub) GetFilter(ctx context.Context, r *weirpb.GetFilterRequest) (*weirpb.GetFilterResponse, error) {
	t, err := h.tenant(r.GetTenant())
	if err != nil {
		return nil, err
	}
	v, err := versionOf(t, r)
	if err != nil {
		return nil, err
	}
	response := &weirpb.GetFilterResponse{Filter: v}
	if r.GetWithModule() {
		response.Module, err = h.Module(ctx, v.GetDigest())
	}
	return response, err
}

func versionOf(t *control.Tenant, r *weirpb.GetFilterRequest) (*weirpb.FilterVersion, error) {
	versions := t.Filters[r.GetName()]
	var v *weirpb.FilterVersion
	switch n := r.GetVersion(); {
	case n != 0 && int64(n) <= int64(len(versions)):
		v = versions[n-1]
	case n == 0 && r.GetLiveAtMs() == 0:
		v = t.Live(r.GetName())
	case n == 0:
		v = t.LiveAt(r.GetName(), r.GetLiveAtMs())
	}
	switch {
	case v != nil:
		return v, nil
	case len(versions) == 0:
		return nil, fault.New(fault.FilterUnknown, "the tenant has no filter %.64q", r.GetName()).WithHint("weir filter list")
	case r.GetVersion() != 0:
		return nil, fault.New(fault.FilterUnknown, "the filter %q has no version %d", r.GetName(), r.GetVersion()).WithHint("weir filter list")
	case r.GetLiveAtMs() != 0:
		return nil, fault.New(fault.FilterUnknown, "no version of the filter %q was live then, as far as is remembered", r.GetName()).
			WithHint("name one, as in %s@%d", r.GetName(), len(versions))
	}
	return nil, fault.New(fault.FilterUnknown, "no version of the filter %q is live", r.GetName()).
		WithHint("weir filter promote %s@%d", r.GetName(), len(versions))
}
