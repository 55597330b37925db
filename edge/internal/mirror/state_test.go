package mirror

import (
	"testing"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

func putTenant(name string) *weirpb.ControlRecord {
	return &weirpb.ControlRecord{Record: &weirpb.ControlRecord_Tenant{Tenant: &weirpb.Tenant{Name: name}}}
}

func putNamespace(name string, kind weirpb.ChannelKind) *weirpb.ControlRecord {
	return &weirpb.ControlRecord{Record: &weirpb.ControlRecord_Namespace{
		Namespace: &weirpb.Namespace{Tenant: "acme", Name: name, Kind: kind},
	}}
}

func putKey(id string) *weirpb.ControlRecord {
	return &weirpb.ControlRecord{Record: &weirpb.ControlRecord_SigningKey{SigningKey: &weirpb.SigningKey{Tenant: "acme", Id: id}}}
}

func putFilter(version uint32, live bool) *weirpb.ControlRecord {
	return &weirpb.ControlRecord{Record: &weirpb.ControlRecord_FilterVersion{FilterVersion: &weirpb.FilterVersion{
		Tenant: "acme", Name: "viewport", Version: version, Live: live, Digest: []byte{byte(version)},
	}}}
}

func TestStateFollowsUpdates(t *testing.T) {
	first := (&State{}).apply(&weirpb.ControlUpdate{Index: 5, Reset_: true, Put: []*weirpb.ControlRecord{
		putNamespace("default", 1), putNamespace("chat", 1), putKey("a"), putFilter(1, true), putTenant("acme"), putTenant("other"),
	}})
	second := first.apply(&weirpb.ControlUpdate{
		Index:  6,
		Put:    []*weirpb.ControlRecord{putFilter(2, true), putFilter(1, false), putKey("b")},
		Delete: []*weirpb.ControlRecord{putKey("a"), putNamespace("chat", 0), putTenant("other")},
	})
	if first.SigningKey("acme", "a") == nil || first.SigningKey("acme", "b") != nil || !first.HasTenant("other") || first.Index != 5 {
		t.Errorf("an update has changed the state before it")
	}
	if second.SigningKey("acme", "a") != nil || second.SigningKey("acme", "b") == nil || second.HasTenant("other") || second.Index != 6 {
		t.Errorf("the update is not in the state after it")
	}
	for _, test := range []struct {
		state   *State
		channel string
		want    string
		code    fault.Code
	}{
		{first, "chat", "chat", ""},
		{first, "chat:a", "chat", ""},
		{first, "else", "default", ""},
		{second, "chat", "default", ""},
		{second, "chat:a", "", fault.NamespaceUnknown},
	} {
		n, f := test.state.Namespace("acme", test.channel)
		if n.GetName() != test.want || (f != nil) != (test.code != "") || f != nil && f.Code != test.code {
			t.Errorf("namespace of %q at %d: %q, %v", test.channel, test.state.Index, n.GetName(), f)
		}
	}
	if _, f := second.Namespace("other", "a"); f == nil || f.Code != fault.TenantUnknown {
		t.Errorf("namespace of a tenant that is gone: %v", f)
	}
	live, _ := second.FilterVersion("acme", "viewport", 0)
	old, _ := first.FilterVersion("acme", "viewport", 0)
	if live.GetVersion() != 2 || old.GetVersion() != 1 || second.Before(live).GetVersion() != 1 || second.Before(old) != nil {
		t.Errorf("live versions %d and %d before, want 2 and 1", live.GetVersion(), old.GetVersion())
	}
	if !second.hasVersion(old) || second.hasVersion(&weirpb.FilterVersion{Tenant: "acme", Name: "viewport", Version: 2}) {
		t.Errorf("a version is its number and its digest")
	}
	for _, version := range []uint32{9} {
		if _, f := second.FilterVersion("acme", "viewport", version); f == nil || f.Code != fault.FilterUnknown {
			t.Errorf("version %d: %v", version, f)
		}
	}
	empty := second.apply(&weirpb.ControlUpdate{Index: 7, Delete: []*weirpb.ControlRecord{putFilter(1, false), putFilter(2, false)}})
	if _, f := empty.FilterVersion("acme", "viewport", 0); f == nil {
		t.Errorf("a filter without versions is there")
	}
	if reset := empty.apply(&weirpb.ControlUpdate{Index: 8, Reset_: true}); reset.HasTenant("acme") {
		t.Errorf("a reset has kept a tenant")
	}
	unknown := reset(second).apply(&weirpb.ControlUpdate{Index: 9, Delete: []*weirpb.ControlRecord{
		putKey("x"), putNamespace("x", 0), putFilter(1, false), putTenant("x"), {},
	}})
	if unknown.HasTenant("acme") {
		t.Errorf("deleting what is not there has made a tenant")
	}
}

func reset(s *State) *State { return s.apply(&weirpb.ControlUpdate{Reset_: true}) }
