package control

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"weir/hub/internal/store"
	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// A rig is a control state in memory.
type rig struct {
	*testing.T
	store   *store.Store
	control *Control
	index   uint64
}

func newRig(t *testing.T) *rig {
	t.Helper()
	s, err := store.Open("state", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := Open(s)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{T: t, store: s, control: c}
}

// apply applies commands as one batch and returns the last one's answer.
func (r *rig) apply(commands ...*logpb.ControlCommand) (answer any) {
	r.Helper()
	b := r.store.NewBatch()
	for _, c := range commands {
		r.index += 10
		var err error
		if answer, err = r.control.Apply(b, r.index, int64(r.index), c); err != nil {
			r.Fatal(err)
		}
	}
	if err := r.store.Commit(b); err != nil {
		r.Fatal(err)
	}
	r.control.Commit()
	return answer
}

// must is apply for what is not to be refused.
func (r *rig) must(commands ...*logpb.ControlCommand) any {
	r.Helper()
	answer := r.apply(commands...)
	if err, refused := answer.(error); refused {
		r.Fatal(err)
	}
	return answer
}

func (r *rig) refused(code fault.Code, c *logpb.ControlCommand) {
	r.Helper()
	before := r.control.State()
	if err, _ := r.apply(c).(error); !errors.Is(err, fault.New(code, "")) {
		r.Errorf("%v is answered %v, want %s", c, err, code)
	}
	if r.control.State() != before {
		r.Errorf("%v is refused and changes the state", c)
	}
}

func createTenant(called string) *logpb.ControlCommand {
	return &logpb.ControlCommand{Command: &logpb.ControlCommand_CreateTenant{CreateTenant: &logpb.CreateTenant{Name: called}}}
}

func deleteTenant(called string) *logpb.ControlCommand {
	return &logpb.ControlCommand{Command: &logpb.ControlCommand_DeleteTenant{DeleteTenant: &logpb.DeleteTenant{Name: called}}}
}

func putNamespace(n *weirpb.Namespace, create bool) *logpb.ControlCommand {
	return &logpb.ControlCommand{Command: &logpb.ControlCommand_PutNamespace{PutNamespace: &logpb.PutNamespace{Namespace: n, Create: create}}}
}

func createApiKey(tenant, id string) *logpb.ControlCommand {
	return &logpb.ControlCommand{Command: &logpb.ControlCommand_CreateApiKey{CreateApiKey: &logpb.CreateApiKey{
		Record: &logpb.ApiKeyRecord{ApiKey: &weirpb.ApiKey{Tenant: tenant, Id: id}, SecretSha256: []byte("hash")},
	}}}
}

func revokeApiKey(tenant, id string) *logpb.ControlCommand {
	return &logpb.ControlCommand{Command: &logpb.ControlCommand_RevokeApiKey{RevokeApiKey: &logpb.RevokeApiKey{Tenant: tenant, Id: id}}}
}

func createSigningKey(tenant, id string) *logpb.ControlCommand {
	return &logpb.ControlCommand{Command: &logpb.ControlCommand_CreateSigningKey{CreateSigningKey: &logpb.CreateSigningKey{
		Key: &weirpb.SigningKey{Tenant: tenant, Id: id, Algorithm: "EdDSA", Key: []byte("public")},
	}}}
}

func putChunk(module []byte, index uint32, data []byte) *logpb.ControlCommand {
	digest := sha256.Sum256(module)
	return &logpb.ControlCommand{Command: &logpb.ControlCommand_PutChunk{PutChunk: &logpb.PutChunk{Digest: digest[:], Index: index, Data: data}}}
}

func commitFilter(tenant, called string, module []byte, chunks uint32) *logpb.ControlCommand {
	digest := sha256.Sum256(module)
	return &logpb.ControlCommand{Command: &logpb.ControlCommand_CommitFilter{CommitFilter: &logpb.CommitFilter{
		Tenant: tenant, Name: called, Digest: digest[:], Chunks: chunks, SizeBytes: uint32(len(module)), Abilities: []string{"keys"},
	}}}
}

// upload stores a module of two parts as a filter.
func (r *rig) upload(tenant, called string, module []byte) *weirpb.FilterVersion {
	r.Helper()
	half := len(module) / 2
	return r.must(putChunk(module, 0, module[:half]), putChunk(module, 1, module[half:]), commitFilter(tenant, called, module, 2)).(*weirpb.FilterVersion)
}

// checkStored asks that the state read anew from the store is the one at hand.
func (r *rig) checkStored() {
	r.Helper()
	again, err := Open(r.store)
	if err != nil {
		r.Fatal(err)
	}
	if diff := cmp.Diff(r.control.State(), again.State(), protocmp.Transform(), cmp.AllowUnexported(State{})); diff != "" {
		r.Errorf("read anew, the state differs (-at hand +read):\n%s", diff)
	}
}

func TestTenants(t *testing.T) {
	r := newRig(t)
	r.must(createTenant("acme"), createTenant("zeta"))
	r.refused(fault.AlreadyExists, createTenant("acme"))
	acme := r.control.State().Tenants["acme"]
	if acme.ID() != 1 || acme.Namespaces["default"].GetKind() != weirpb.ChannelKind_CHANNEL_KIND_LOG || acme.Record.GetTenant().GetCreatedMs() != 10 {
		t.Errorf("the tenant is %+v", acme)
	}
	r.must(putNamespace(&weirpb.Namespace{Tenant: "acme", Name: "chat"}, true), createApiKey("acme", "k1"), createApiKey("", "root"), createSigningKey("acme", "s1"))
	r.upload("acme", "viewport", []byte("module"))
	r.checkStored()

	r.must(deleteTenant("acme"))
	r.refused(fault.TenantUnknown, deleteTenant("acme"))
	s := r.control.State()
	if len(s.Tenants) != 1 || len(s.ApiKeys) != 1 || len(s.Modules) != 0 || s.TenantByID(1) != nil || fmt.Sprint(s.Meta.GetDropping()) != "[1]" {
		t.Errorf("after the deletion the state is %+v", s)
	}
	r.checkStored()
	if _, err := r.control.Module(digestOfModule("module")); !errors.Is(err, fault.New(fault.NotFound, "")) {
		t.Errorf("the module is read with %v", err)
	}

	r.must(createTenant("acme"))
	again := r.control.State().Tenants["acme"]
	if again.ID() != 3 || again.Record.GetGeneration() != 1 || len(again.Filters) != 0 || len(again.Namespaces) != 1 {
		t.Errorf("the tenant of the same name is %+v", again)
	}
	r.must(&logpb.ControlCommand{Command: &logpb.ControlCommand_TenantDropped{TenantDropped: &logpb.TenantDropped{TenantId: 1}}})
	if n := len(r.control.State().Meta.GetDropping()); n != 0 {
		t.Errorf("%d tenants are being dropped", n)
	}
	r.checkStored()
}

func digestOfModule(module string) []byte {
	d := sha256.Sum256([]byte(module))
	return d[:]
}

func TestNamespaces(t *testing.T) {
	r := newRig(t)
	r.must(createTenant("acme"))
	state := &weirpb.Namespace{Tenant: "acme", Name: "map", Kind: weirpb.ChannelKind_CHANNEL_KIND_STATE, Keys: 7}
	made := r.must(putNamespace(state, true)).(*weirpb.Namespace)
	r.refused(fault.AlreadyExists, putNamespace(state, true))
	r.refused(fault.TenantUnknown, putNamespace(&weirpb.Namespace{Tenant: "zeta", Name: "map"}, false))
	r.refused(fault.InvalidArgument, putNamespace(&weirpb.Namespace{Tenant: "acme", Name: "map", Kind: weirpb.ChannelKind_CHANNEL_KIND_LOG}, false))

	changed := r.must(putNamespace(&weirpb.Namespace{Tenant: "acme", Name: "map", WindowCount: 5}, false)).(*weirpb.Namespace)
	if changed.GetKind() != state.GetKind() || changed.GetCreatedMs() != made.GetCreatedMs() || changed.GetKeys() != 0 || changed.GetWindowCount() != 5 {
		t.Errorf("changed, the namespace is %v", changed)
	}
	settings := r.control.State().Tenants["acme"].Settings["map"]
	want := &logpb.Settings{
		TenantId: 1, Kind: weirpb.ChannelKind_CHANNEL_KIND_STATE, WindowAgeMs: 600_000, WindowBytes: 64 << 20, WindowCount: 5,
		Keys: 100_000, DedupeAgeMs: 600_000,
	}
	if diff := cmp.Diff(want, settings, protocmp.Transform()); diff != "" {
		t.Errorf("the settings are not resolved (-want +got):\n%s", diff)
	}
	r.checkStored()
}

func TestKeys(t *testing.T) {
	r := newRig(t)
	r.must(createTenant("acme"), createTenant("zeta"), createApiKey("acme", "b"), createApiKey("acme", "a"), createApiKey("zeta", "c"))
	r.refused(fault.AlreadyExists, createApiKey("zeta", "a"))
	r.refused(fault.TenantUnknown, createApiKey("none", "d"))
	if keys := r.control.State().ApiKeysOf("acme"); len(keys) != 2 || keys[0].GetId() != "a" {
		t.Errorf("the keys are %v", keys)
	}
	r.refused(fault.NotFound, revokeApiKey("acme", "c")) // another tenant's
	r.must(revokeApiKey("acme", "a"))
	r.refused(fault.NotFound, revokeApiKey("acme", "a"))

	r.must(createSigningKey("acme", "s"))
	r.refused(fault.AlreadyExists, createSigningKey("acme", "s"))
	r.refused(fault.TenantUnknown, createSigningKey("none", "s"))
	revoke := &logpb.ControlCommand{Command: &logpb.ControlCommand_RevokeSigningKey{RevokeSigningKey: &logpb.RevokeSigningKey{Tenant: "acme", Id: "s"}}}
	r.must(revoke)
	r.refused(fault.NotFound, revoke)
	r.checkStored()
}

func TestRootKeyIsRegisteredOnce(t *testing.T) {
	r := newRig(t)
	initialise := func(id string) *logpb.ControlCommand {
		return &logpb.ControlCommand{Command: &logpb.ControlCommand_Initialise{Initialise: &logpb.Initialise{
			Root: &logpb.ApiKeyRecord{ApiKey: &weirpb.ApiKey{Id: id}},
		}}}
	}
	r.must(initialise("one"), revokeApiKey("", "one"), initialise("one"), initialise("two"))
	if s := r.control.State(); len(s.ApiKeys) != 0 || !s.Meta.GetInitialised() {
		t.Errorf("the state is %+v", s)
	}
	r.checkStored()
}

func TestFilters(t *testing.T) {
	r := newRig(t)
	r.must(createTenant("acme"), createTenant("zeta"))
	one, two := bytes.Repeat([]byte("one"), 1000), bytes.Repeat([]byte("two"), 1000)
	r.refused(fault.Unavailable, commitFilter("acme", "f", one, 2)) // nothing is there
	r.must(putChunk(one, 0, one[:100]))
	r.refused(fault.Unavailable, putChunk(one, 2, one[200:]))       // out of order
	r.refused(fault.Unavailable, commitFilter("acme", "f", one, 2)) // in parts
	if _, err := r.control.Module(digestOfModule(string(one))); !errors.Is(err, fault.New(fault.NotFound, "")) {
		t.Errorf("a module that is not committed is read with %v", err)
	}
	r.must(putChunk(one, 0, one[:100]), putChunk(one, 1, one[100:])) // begun again
	v1 := r.must(commitFilter("acme", "f", one, 2)).(*weirpb.FilterVersion)
	if v1.GetVersion() != 1 || !v1.GetLive() || v1.GetSizeBytes() != 3000 || v1.GetAbilities()[0] != "keys" {
		t.Errorf("the first version is %v", v1)
	}
	if again := r.must(commitFilter("acme", "f", one, 2)); again != any(v1) {
		t.Errorf("uploaded again it is %v", again)
	}
	v2 := r.upload("acme", "f", two)
	if live := r.control.State().Tenants["acme"].Live("f"); v2.GetVersion() != 2 || live.GetVersion() != 2 {
		t.Errorf("the second version is %v, live is %v", v2, live)
	}
	if back := r.must(commitFilter("acme", "f", one, 2)).(*weirpb.FilterVersion); back.GetVersion() != 3 {
		t.Errorf("the first module again is %v", back)
	}
	r.must(commitFilter("zeta", "g", one, 2)) // its parts are there
	r.checkStored()
	r.must(deleteTenant("acme"))
	if module, err := r.control.Module(v1.GetDigest()); err != nil || !bytes.Equal(module, one) {
		t.Errorf("a module that another tenant has is read as %d bytes, %v", len(module), err)
	}
	if _, err := r.control.Module(v2.GetDigest()); !errors.Is(err, fault.New(fault.NotFound, "")) {
		t.Errorf("a module that nobody has is read with %v", err)
	}
	r.checkStored()
}

func TestUploadsThatWereGivenUpAreDropped(t *testing.T) {
	r := newRig(t)
	r.must(createTenant("acme"))
	kept := []byte("kept module")
	r.upload("acme", "f", kept)
	r.must(putChunk([]byte("old"), 0, []byte("o")))
	before := int64(r.index) + 1
	r.must(putChunk([]byte("new"), 0, []byte("n")))
	r.must(&logpb.ControlCommand{Command: &logpb.ControlCommand_DropStaged{DropStaged: &logpb.DropStaged{BeforeMs: before}}})
	if n := len(r.control.State().Modules); n != 2 {
		t.Errorf("%d modules are there", n)
	}
	r.checkStored()
}

func TestStatesAreNeverChanged(t *testing.T) {
	r := newRig(t)
	r.must(createTenant("acme"))
	old := r.control.State()
	meta, namespaces := old.Meta.GetIndex(), len(old.Tenants["acme"].Namespaces)
	r.must(putNamespace(&weirpb.Namespace{Tenant: "acme", Name: "chat"}, true), createTenant("zeta"), createApiKey("acme", "k"))
	if len(old.Tenants) != 1 || len(old.Tenants["acme"].Namespaces) != namespaces || len(old.ApiKeys) != 0 || old.Meta.GetIndex() != meta {
		t.Errorf("the older state has become %+v", old)
	}
}

// mirror applies updates as an edge does.
type mirror struct {
	index  uint64
	resets int
	names  map[string]bool
}

func (m *mirror) take(u *weirpb.ControlUpdate) error {
	if u.GetReset_() {
		m.resets++
		m.names = map[string]bool{}
	}
	for _, p := range u.GetPut() {
		m.names[identify(p)] = true
	}
	for _, d := range u.GetDelete() {
		if !m.names[identify(d)] {
			return fmt.Errorf("what is deleted was not there: %v", d)
		}
		delete(m.names, identify(d))
	}
	m.index = u.GetIndex()
	return nil
}

func identify(r *weirpb.ControlRecord) string {
	switch r := r.GetRecord().(type) {
	case *weirpb.ControlRecord_Tenant:
		return "tenant " + r.Tenant.GetName()
	case *weirpb.ControlRecord_Namespace:
		return "namespace " + r.Namespace.GetTenant() + " " + r.Namespace.GetName()
	case *weirpb.ControlRecord_SigningKey:
		return "key " + r.SigningKey.GetTenant() + " " + r.SigningKey.GetId()
	case *weirpb.ControlRecord_FilterVersion:
		return fmt.Sprint("filter ", r.FilterVersion.GetTenant(), " ", r.FilterVersion.GetName(), " ", r.FilterVersion.GetVersion())
	}
	return "nothing"
}

func TestWatchersFollow(t *testing.T) {
	r := newRig(t)
	r.must(createTenant("acme"))
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m := &mirror{}
		ended := make(chan error, 1)
		// The channels that the state wakes its watchers with are made within the bubble.
		if err := r.control.Reload(); err != nil {
			t.Fatal(err)
		}
		go func() { ended <- r.control.Watch(ctx, m.take) }()
		synctest.Wait()
		r.must(putNamespace(&weirpb.Namespace{Tenant: "acme", Name: "chat"}, true))
		r.upload("acme", "f", []byte("module one"))
		r.upload("acme", "f", []byte("module two"))
		r.must(createSigningKey("acme", "s"), createTenant("zeta"), createApiKey("acme", "not for edges"))
		synctest.Wait()
		if m.resets != 1 || len(m.names) != len(r.control.State().Records()) || len(m.names) != 8 {
			t.Errorf("after %d resets the mirror has %v", m.resets, m.names)
		}
		if m.index != r.index {
			t.Errorf("the last change, which is not for edges, has index %d, the watcher is at %d", r.index, m.index)
		}
		r.must(deleteTenant("acme"))
		synctest.Wait()
		if m.resets != 1 || len(m.names) != 2 {
			t.Errorf("after %d resets the mirror has %v", m.resets, m.names)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the watch ended with %v", err)
		}
	})
}

func TestWatcherThatFallsBehindBeginsAnew(t *testing.T) {
	r := newRig(t)
	r.must(createTenant("acme"))
	m := &mirror{}
	first := true
	done := errors.New("done")
	err := r.control.Watch(t.Context(), func(u *weirpb.ControlUpdate) error {
		if first {
			first = false
			for i := range history + 50 {
				r.must(putNamespace(&weirpb.Namespace{Tenant: "acme", Name: fmt.Sprint("n", i)}, true))
			}
		}
		if err := m.take(u); err != nil {
			return err
		}
		if m.index == r.index {
			return done
		}
		return nil
	})
	if !errors.Is(err, done) || m.resets != 2 || len(m.names) != len(r.control.State().Records()) {
		t.Errorf("the watch ended with %v after %d resets; the mirror has %d names", err, m.resets, len(m.names))
	}
}

// TestWhatWasShownStays begins with nothing, as after a corrupt state has been set aside, and applies everything again.
func TestWhatWasShownStays(t *testing.T) {
	r := newRig(t)
	tenants := []string{"one", "two"}
	all := func() {
		for _, name := range tenants {
			r.must(&logpb.ControlCommand{Command: &logpb.ControlCommand_CreateTenant{CreateTenant: &logpb.CreateTenant{Name: name}}})
		}
	}
	all()
	before := r.control.State()
	empty, err := store.Open("again", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := empty.Close(); err != nil {
			t.Error(err)
		}
	})
	r.store, r.control.store, r.index = empty, empty, 0
	if err := r.control.Reload(); err != nil {
		t.Fatal(err)
	}
	if r.control.State() != before {
		t.Error("it is gone")
	}
	if _, err := r.control.Module(make([]byte, sha256.Size)); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a module that may be there is answered with %v", err)
	}
	tenants = tenants[:1]
	all()
	if r.control.State() != before {
		t.Error("it has gone back")
	}
	tenants = []string{"two", "three"}
	all()
	if now := r.control.State(); now == before || now.Tenants["three"] == nil || now.Tenants["one"] == nil || r.control.held.Load() {
		t.Errorf("in the end there are %v", now.Tenants)
	}
}
