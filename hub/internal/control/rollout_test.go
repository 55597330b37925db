package control

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// push stores a module of one part as a version of acme's filter f, without making it live.
func (r *rig) push(module string) *weirpb.FilterVersion {
	r.Helper()
	commit := commitFilter("acme", "f", []byte(module), 1)
	commit.GetCommitFilter().Push = true
	return r.must(putChunk([]byte(module), 0, []byte(module)), commit).(*weirpb.FilterVersion)
}

func setRollout(version uint32, role weirpb.FilterRole, percent uint32) *logpb.ControlCommand {
	return &logpb.ControlCommand{Command: &logpb.ControlCommand_SetRollout{SetRollout: &logpb.SetRollout{
		Tenant: "acme", Name: "f", Version: version, Role: role, CanaryPercent: percent,
	}}}
}

func promote(version uint32) *logpb.ControlCommand {
	return &logpb.ControlCommand{Command: &logpb.ControlCommand_PromoteFilter{PromoteFilter: &logpb.PromoteFilter{
		Tenant: "acme", Name: "f", Version: version,
	}}}
}

func rollback() *logpb.ControlCommand {
	return &logpb.ControlCommand{Command: &logpb.ControlCommand_RollbackFilter{RollbackFilter: &logpb.RollbackFilter{
		Tenant: "acme", Name: "f",
	}}}
}

func pause(version uint32, paused bool) *logpb.ControlCommand {
	return &logpb.ControlCommand{Command: &logpb.ControlCommand_PauseFilter{PauseFilter: &logpb.PauseFilter{
		Tenant: "acme", Name: "f", Version: version, Paused: paused,
	}}}
}

const (
	shadow = weirpb.FilterRole_FILTER_ROLE_SHADOW
	canary = weirpb.FilterRole_FILTER_ROLE_CANARY
	none   = weirpb.FilterRole_FILTER_ROLE_UNSPECIFIED
)

// roles tells what the versions of acme's filter f are used for: "1 live, 2 canary 10".
func (r *rig) roles() string {
	var out []string
	for _, v := range r.control.State().Tenants["acme"].Filters["f"] {
		role := strings.ToLower(strings.TrimPrefix(v.GetRole().String(), "FILTER_ROLE_"))
		text := fmt.Sprint(v.GetVersion(), " ", role)
		if v.GetCanaryPercent() != 0 {
			text += fmt.Sprint(" ", v.GetCanaryPercent())
		}
		if v.GetPaused() {
			text += " paused"
		}
		if v.GetLive() != (role == "live") {
			text += " (but live says otherwise)"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func (r *rig) wantRoles(want string) {
	r.Helper()
	if got := r.roles(); got != want {
		r.Errorf("the versions are %s, want %s", got, want)
	}
}

func TestPushedVersionsAreNotLive(t *testing.T) {
	r := newRig(t)
	r.must(createTenant("acme"))
	v := r.push("one")
	if again := r.push("one"); again.GetVersion() != 1 || v.GetVersion() != 1 {
		t.Errorf("pushed twice, it is %v", again)
	}
	r.wantRoles("1 pushed")
	r.refused(fault.InvalidArgument, setRollout(1, shadow, 0)) // beside nothing
	r.refused(fault.InvalidArgument, rollback())
	r.refused(fault.FilterUnknown, pause(0, true))
	r.must(promote(1))
	r.push("two")
	if old := r.push("one"); old.GetVersion() != 1 {
		t.Errorf("the first module again is version %d", old.GetVersion())
	}
	r.wantRoles("1 live, 2 pushed")
	r.checkStored()
}

func TestTrials(t *testing.T) {
	r := newRig(t)
	r.must(createTenant("acme"))
	r.upload("acme", "f", []byte("one"))
	r.push("two")
	r.push("three")
	r.refused(fault.InvalidArgument, promote(0)) // which?
	r.refused(fault.InvalidArgument, setRollout(1, shadow, 0))
	r.refused(fault.FilterUnknown, setRollout(4, shadow, 0))
	r.must(setRollout(0, shadow, 0), setRollout(2, canary, 10))
	r.wantRoles("1 live, 2 canary 10, 3 shadow")
	since := r.control.State().Tenants["acme"].Filters["f"][1].GetRoleSinceMs()
	r.must(setRollout(2, canary, 10))
	if again := r.control.State().Tenants["acme"].Filters["f"][1].GetRoleSinceMs(); again != since {
		t.Errorf("the same trial begins anew, at %d instead of %d", again, since)
	}
	r.must(setRollout(3, canary, 20))
	r.wantRoles("1 live, 2 pushed, 3 canary 20")
	late := setRollout(3, none, 0)
	late.GetSetRollout().SinceMs = since
	r.must(late) // of another trial
	r.wantRoles("1 live, 2 pushed, 3 canary 20")
	r.must(setRollout(3, none, 0), setRollout(3, none, 0), setRollout(2, canary, 100), promote(0))
	r.wantRoles("1 superseded, 2 live, 3 pushed")
	r.checkStored()
}

func TestRollbackGoesBackThroughHistory(t *testing.T) {
	r := newRig(t)
	r.must(createTenant("acme"))
	for i, module := range []string{"one", "two", "three"} {
		r.upload("acme", "f", []byte(module))
		if i == 1 {
			r.push("skipped")
		}
	}
	r.wantRoles("1 superseded, 2 superseded, 3 pushed, 4 live")
	for _, want := range []uint32{2, 1} {
		if v := r.must(rollback()).(*weirpb.FilterVersion); v.GetVersion() != want || !v.GetLive() {
			t.Errorf("back is %v, want version %d", v, want)
		}
	}
	r.refused(fault.InvalidArgument, rollback())
	r.must(promote(4), rollback())
	r.wantRoles("1 live, 2 superseded, 3 pushed, 4 superseded")
	r.checkStored()
}

func TestPause(t *testing.T) {
	r := newRig(t)
	r.must(createTenant("acme"))
	r.upload("acme", "f", []byte("one"))
	r.push("two")
	r.must(pause(0, true), pause(0, true))
	r.wantRoles("1 live paused, 2 pushed")
	r.must(promote(2))
	r.wantRoles("1 superseded paused, 2 live")
	r.must(pause(1, false))
	r.wantRoles("1 superseded, 2 live")
	r.checkStored()
}

func TestWhatWasLiveIsKnown(t *testing.T) {
	r := newRig(t)
	r.must(createTenant("acme"))
	var went []int64 // when each version became live
	for _, module := range []string{"one", "two"} {
		v := r.upload("acme", "f", []byte(module))
		went = append(went, v.GetRoleSinceMs())
	}
	back := r.must(rollback()).(*weirpb.FilterVersion).GetRoleSinceMs()
	for at, want := range map[int64]uint32{
		went[0] - 1: 0, went[0]: 1, went[1] - 1: 1, went[1]: 2, back - 1: 2, back: 1, back + 1000: 1,
	} {
		if got := r.control.State().Tenants["acme"].LiveAt("f", at).GetVersion(); got != want {
			t.Errorf("at %d version %d was live, want %d", at, got, want)
		}
	}
	for range 2 * maxSpans {
		r.must(promote(2), rollback())
	}
	tenant := r.control.State().Tenants["acme"]
	if n := len(tenant.Filters["f"][0].GetLiveSpans()); n != maxSpans {
		t.Errorf("%d times are remembered, want %d", n, maxSpans)
	}
	if v := tenant.LiveAt("f", back); v != nil {
		t.Errorf("what is forgotten is told as version %d", v.GetVersion())
	}
	r.checkStored()
}

// TestVersionsStoredBeforeRoles takes records as they were before versions had roles and times.
func TestVersionsStoredBeforeRoles(t *testing.T) {
	r := newRig(t)
	r.must(createTenant("acme"))
	r.upload("acme", "f", []byte("one"))
	r.upload("acme", "f", []byte("two"))
	b := r.store.NewBatch()
	var created []int64
	for _, v := range r.control.State().Tenants["acme"].Filters["f"] {
		old := proto.CloneOf(v)
		old.Role, old.RoleSinceMs, old.LiveSpans, old.Replaced = 0, 0, nil, 0
		created = append(created, old.GetCreatedMs())
		if _, err := b.PutMessage(filterKey("acme", "f", v.GetVersion()), old); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.store.Commit(b); err != nil {
		t.Fatal(err)
	}
	if err := r.control.Reload(); err != nil {
		t.Fatal(err)
	}
	liveAt := func(at int64, want uint32) {
		t.Helper()
		if got := r.control.State().Tenants["acme"].LiveAt("f", at).GetVersion(); got != want {
			t.Errorf("at %d version %d was live, want %d", at, got, want)
		}
	}
	liveAt(created[0], 1)
	liveAt(created[1], 2)
	if v := r.must(rollback()).(*weirpb.FilterVersion); v.GetVersion() != 1 {
		t.Errorf("back is version %d", v.GetVersion())
	}
	liveAt(created[0], 1)
	liveAt(created[1], 2)
	r.wantRoles("1 live, 2 superseded")
	r.checkStored()
}
