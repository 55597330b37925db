package control

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/proto/logpb"
	"weir/proto/weirpb"
)

func TestLimitsAreToldAndOutliveARestart(t *testing.T) {
	r := newRig(t)
	r.must(createTenant("acme"))
	r.push("one")
	r.push("two")
	tenants := &weirpb.FilterLimits{FuelPerSecond: 1e9, ModuleBytes: 1000}
	filters := &weirpb.FilterLimits{FuelPerCall: 1e6, ModuleBytes: 500}
	r.must(
		&logpb.ControlCommand{Command: &logpb.ControlCommand_SetTenantLimits{SetTenantLimits: &logpb.SetTenantLimits{Tenant: "acme", Limits: tenants}}},
		&logpb.ControlCommand{Command: &logpb.ControlCommand_SetFilterLimits{SetFilterLimits: &logpb.SetFilterLimits{Tenant: "acme", Name: "f", Limits: filters}}},
	)
	r.push("three")
	check := func() {
		t.Helper()
		acme := r.control.State().Tenants["acme"]
		if got := acme.Record.GetTenant().GetFilterLimits(); !proto.Equal(got, tenants) {
			t.Errorf("the tenant has %v", got)
		}
		for _, v := range acme.Filters["f"] {
			if !proto.Equal(v.GetLimits(), filters) {
				t.Errorf("version %d has %v", v.GetVersion(), v.GetLimits())
			}
		}
		if f, other := acme.ModuleBytes("f", 4000), acme.ModuleBytes("g", 4000); f != 500 || other != 1000 {
			t.Errorf("modules may have %d bytes, and of another filter %d", f, other)
		}
	}
	check()
	if err := r.control.Reload(); err != nil {
		t.Fatal(err)
	}
	check()
	told := map[string]bool{}
	for _, record := range r.control.State().Records() {
		if proto.Equal(record.GetTenant().GetFilterLimits(), tenants) {
			told["tenant"] = true
		}
		if proto.Equal(record.GetFilterVersion().GetLimits(), filters) {
			told["filter"] = true
		}
	}
	if len(told) != 2 {
		t.Errorf("edges are told %v", told)
	}
}
