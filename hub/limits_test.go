package hub

import (
	"testing"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

func TestModulesAreHeldToTheLimitsOfTheirTenant(t *testing.T) {
	h := withTenant(t, Config{Inspect: inspect})
	ctx := t.Context()
	if _, err := h.SetTenantLimits(ctx, &weirpb.SetTenantLimitsRequest{Name: "acme", Limits: &weirpb.FilterLimits{ModuleBytes: 10}}); err != nil {
		t.Fatal(err)
	}
	upload := func(size int) error {
		_, err := h.UploadFilter(ctx, &weirpb.UploadFilterRequest{Tenant: "acme", Name: "f", Module: append([]byte("wasm"), make([]byte, size-4)...)})
		return err
	}
	if err := upload(11); fault.CodeOf(err) != fault.ModuleTooLarge {
		t.Errorf("11 bytes of 10: %v", err)
	}
	if err := upload(10); err != nil {
		t.Errorf("10 bytes of 10: %v", err)
	}
	limits, err := h.SetFilterLimits(ctx, &weirpb.SetFilterLimitsRequest{Tenant: "acme", Name: "f", Limits: &weirpb.FilterLimits{ModuleBytes: 5}})
	if err != nil || limits.GetModuleBytes() != 5 {
		t.Errorf("%v, %v", limits, err)
	}
	if err := upload(6); fault.CodeOf(err) != fault.ModuleTooLarge {
		t.Errorf("6 bytes of 5: %v", err)
	}
	if _, err := h.SetFilterLimits(ctx, &weirpb.SetFilterLimitsRequest{Tenant: "acme", Name: "f"}); err != nil {
		t.Error(err)
	}
	if err := upload(6); err != nil {
		t.Errorf("6 bytes of the tenant's 10: %v", err)
	}
}

func TestLimitsOutOfBoundsAreRefused(t *testing.T) {
	h := withTenant(t, Config{Inspect: inspect})
	ctx := t.Context()
	for called, l := range map[string]*weirpb.FilterLimits{
		"fuel for nothing":     {FuelPerCall: 1},
		"more than all fuel":   {FuelPerSecond: 1 << 60},
		"more than all memory": {MemoryPages: 1 << 20},
		"a module too long":    {ModuleBytes: maxModule + 1},
		"a payload too long":   {OutputBytes: maxPayload + 1},
		"lines by the million": {LogLinesPerSecond: 1e6},
	} {
		if _, err := h.SetTenantLimits(ctx, &weirpb.SetTenantLimitsRequest{Name: "acme", Limits: l}); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%s: %v", called, err)
		}
	}
	set := func(r *weirpb.SetFilterLimitsRequest) fault.Code {
		_, err := h.SetFilterLimits(ctx, r)
		return fault.CodeOf(err)
	}
	rate := &weirpb.FilterLimits{FuelPerSecond: 1e9}
	if code := set(&weirpb.SetFilterLimitsRequest{Tenant: "acme", Name: "f", Limits: rate}); code != fault.InvalidArgument {
		t.Errorf("a filter's rate: %q", code)
	}
	if code := set(&weirpb.SetFilterLimitsRequest{Tenant: "acme", Name: "nobody"}); code != fault.FilterUnknown {
		t.Errorf("nobody's: %q", code)
	}
	if _, err := h.SetTenantLimits(ctx, &weirpb.SetTenantLimitsRequest{Name: "nobody"}); fault.CodeOf(err) != fault.TenantUnknown {
		t.Errorf("of nobody: %v", err)
	}
}
