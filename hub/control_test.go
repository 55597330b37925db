package hub

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// inspect accepts modules that begin with "wasm".
func inspect(_ context.Context, u *Upload) ([]string, error) {
	if !bytes.HasPrefix(u.Module, []byte("wasm")) {
		return nil, fault.New(fault.ModuleInvalid, "this is no module")
	}
	return []string{"keys"}, nil
}

func TestFirstStartMakesTheOperatorsKey(t *testing.T) {
	dir := t.TempDir()
	h := openHub(t, Config{Dir: dir})
	name := filepath.Join(dir, "admin.key")
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	root := strings.TrimSpace(string(content))
	who, err := h.Authenticate(root)
	if err != nil || !who.Operator || who.Tenant != "" || who.KeyID == "" {
		t.Errorf("it belongs to %+v, %v", who, err)
	}
	for _, wrong := range []string{"", "wk_a_b", root + "x", root[:len(root)-1] + "_", strings.ToUpper(root)} {
		if _, err := h.Authenticate(wrong); fault.CodeOf(err) != fault.Unauthenticated || len(wrong) > 8 && strings.Contains(err.Error(), wrong) {
			t.Errorf("a wrong key: %v", err)
		}
	}
	if _, err := h.RevokeApiKey(testContext(t), &weirpb.RevokeApiKeyRequest{Id: who.KeyID}); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h = openHub(t, Config{Dir: dir})
	if _, err := h.Authenticate(root); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("revoked, it comes back with a restart: %v", err)
	}
}

func TestApiKeys(t *testing.T) {
	h := withTenant(t, Config{})
	ctx := testContext(t)
	made, err := h.CreateApiKey(ctx, &weirpb.CreateApiKeyRequest{Tenant: "acme", Description: "backend"})
	if err != nil {
		t.Fatal(err)
	}
	who, err := h.Authenticate(made.GetSecret())
	if err != nil || who.Operator || who.Tenant != "acme" || who.KeyID != made.GetApiKey().GetId() {
		t.Errorf("it belongs to %+v, %v", who, err)
	}
	list, err := h.ListApiKeys(ctx, &weirpb.ListApiKeysRequest{Tenant: "acme"})
	if err != nil || len(list.GetApiKeys()) != 1 || list.GetApiKeys()[0].GetDescription() != "backend" {
		t.Errorf("the keys are %v, %v", list, err)
	}
	if _, err := h.DeleteTenant(ctx, &weirpb.DeleteTenantRequest{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Authenticate(made.GetSecret()); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("after its tenant was deleted: %v", err)
	}
	if _, err := h.ListApiKeys(ctx, &weirpb.ListApiKeysRequest{Tenant: "acme"}); fault.CodeOf(err) != fault.TenantUnknown {
		t.Errorf("the deleted tenant's keys: %v", err)
	}
	if _, err := h.CreateApiKey(ctx, &weirpb.CreateApiKeyRequest{Description: strings.Repeat("x", 300)}); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("a long description: %v", err)
	}
}

func TestSigningKeys(t *testing.T) {
	h := withTenant(t, Config{})
	ctx := testContext(t)
	var mirror []*weirpb.ControlRecord
	for _, algorithm := range []string{"", "HS256", "ES256", "EdDSA"} {
		made, err := h.CreateSigningKey(ctx, &weirpb.CreateSigningKeyRequest{Tenant: "acme", Algorithm: algorithm})
		if err != nil || made.GetPrivateJwk() == "" || !strings.Contains(made.GetPrivateJwk(), made.GetSigningKey().GetId()) {
			t.Fatalf("%s: %v", algorithm, err)
		}
		if (algorithm == "HS256") != (len(made.GetSigningKey().GetKey()) == 0) {
			t.Errorf("%s: the key in the answer has %d bytes", algorithm, len(made.GetSigningKey().GetKey()))
		}
		if algorithm == "EdDSA" {
			again, err := h.CreateSigningKey(ctx, &weirpb.CreateSigningKeyRequest{Tenant: "acme", PublicKey: made.GetSigningKey().GetKey()})
			if err != nil || again.GetPrivateJwk() != "" {
				t.Errorf("a public key that is given: %v", err)
			}
		}
	}
	err := h.WatchControl(ctx, func(u *weirpb.ControlUpdate) error {
		mirror = u.GetPut()
		return errEnough
	})
	if !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	keys := 0
	for _, r := range mirror {
		if k := r.GetSigningKey(); k != nil {
			keys++
			if len(k.GetKey()) == 0 {
				t.Error("edges get a key without what verifies")
			}
		}
	}
	list, err := h.ListSigningKeys(ctx, &weirpb.ListSigningKeysRequest{Tenant: "acme"})
	if err != nil || len(list.GetSigningKeys()) != 5 || keys != 5 {
		t.Fatalf("%d keys are listed and %d mirrored, %v", len(list.GetSigningKeys()), keys, err)
	}
	for _, k := range list.GetSigningKeys() {
		if k.GetAlgorithm() == "HS256" && len(k.GetKey()) > 0 {
			t.Error("a secret is listed")
		}
		if _, err := h.RevokeSigningKey(ctx, &weirpb.RevokeSigningKeyRequest{Tenant: "acme", Id: k.GetId()}); err != nil {
			t.Error(err)
		}
	}
	for _, r := range []*weirpb.CreateSigningKeyRequest{
		{Tenant: "acme", Algorithm: "none"}, {Tenant: "acme", Algorithm: "HS256", PublicKey: []byte("secret")}, {Tenant: "acme", PublicKey: []byte("noise")},
	} {
		if _, err := h.CreateSigningKey(ctx, r); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%v: %v", r, err)
		}
	}
}

func TestFilters(t *testing.T) {
	dir := t.TempDir()
	h := withTenant(t, Config{Dir: dir, Inspect: inspect})
	ctx := testContext(t)
	module := append([]byte("wasm"), bytes.Repeat([]byte("0123456789"), 100_000)...) // 1 MB: six parts
	upload := func(called string, module []byte) (*weirpb.FilterVersion, error) {
		return h.UploadFilter(ctx, &weirpb.UploadFilterRequest{Tenant: "acme", Name: called, Module: module})
	}
	v, err := upload("viewport", module)
	if err != nil || v.GetVersion() != 1 || !v.GetLive() || v.GetAbilities()[0] != "keys" {
		t.Fatalf("the first version is %v, %v", v, err)
	}
	before := h.groups[0].machine.Applied()
	if again, err := upload("viewport", module); err != nil || again.GetVersion() != 1 || h.groups[0].machine.Applied() != before {
		t.Errorf("uploaded again it is %v, %v", again, err)
	}
	if v, err := upload("viewport", []byte("wasm2")); err != nil || v.GetVersion() != 2 {
		t.Errorf("the second version is %v, %v", v, err)
	}
	if v, err := upload("other", module); err != nil || v.GetVersion() != 1 {
		t.Errorf("the other filter is %v, %v", v, err)
	}
	for called, c := range map[string]struct {
		name   string
		module []byte
		want   fault.Code
	}{
		"no module": {"f", nil, fault.ModuleInvalid}, "no WASM": {"f", []byte("elf"), fault.ModuleInvalid},
		"a large one": {"f", make([]byte, 4<<20+1), fault.ModuleTooLarge}, "a bad name": {"F f", module, fault.InvalidArgument},
	} {
		if _, err := upload(c.name, c.module); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v", called, err)
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h = openHub(t, Config{Dir: dir})
	if stored, err := h.Module(ctx, v.GetDigest()); err != nil || !bytes.Equal(stored, module) {
		t.Errorf("the module has %d bytes of %d, %v", len(stored), len(module), err)
	}
	got, err := h.GetFilter(ctx, &weirpb.GetFilterRequest{Tenant: "acme", Name: "viewport", WithModule: true})
	if err != nil || got.GetFilter().GetVersion() != 2 || string(got.GetModule()) != "wasm2" {
		t.Errorf("the live version is %v, %v", got.GetFilter(), err)
	}
	if got, err = h.GetFilter(ctx, &weirpb.GetFilterRequest{Tenant: "acme", Name: "viewport", Version: 1}); err != nil || got.GetFilter().GetLive() {
		t.Errorf("the first version is %v, %v", got.GetFilter(), err)
	}
	for _, r := range []*weirpb.GetFilterRequest{{Tenant: "acme", Name: "none"}, {Tenant: "acme", Name: "viewport", Version: 3}} {
		if _, err := h.GetFilter(ctx, r); fault.CodeOf(err) != fault.FilterUnknown {
			t.Errorf("%v: %v", r, err)
		}
	}
	list, err := h.ListFilters(ctx, &weirpb.ListFiltersRequest{Tenant: "acme"})
	if err != nil || len(list.GetFilters()) != 3 || list.GetFilters()[0].GetName() != "other" {
		t.Errorf("the filters are %v, %v", list, err)
	}
	if _, err := h.UploadFilter(ctx, &weirpb.UploadFilterRequest{Tenant: "acme", Name: "f", Module: []byte("new")}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("without an engine: %v", err)
	}
}

func TestNamespaceSettingsAreChecked(t *testing.T) {
	h := withTenant(t, Config{})
	ctx := testContext(t)
	for called, n := range map[string]*weirpb.Namespace{
		"a bad name":       {Name: "A"},
		"no name":          {},
		"a short age":      {Name: "n", WindowAgeMs: 10},
		"a long age":       {Name: "n", WindowAgeMs: 1 << 50},
		"a large payload":  {Name: "n", PayloadBytes: 128<<10 + 1},
		"a short memory":   {Name: "n", DedupeAgeMs: 1},
		"a kind":           {Name: "n", Kind: 9},
		"a failure policy": {Name: "n", OnFilterFailure: 9},
		"another kind":     {Name: "map", Kind: weirpb.ChannelKind_CHANNEL_KIND_LOG},
	} {
		n.Tenant = "acme"
		if _, err := h.PutNamespace(ctx, &weirpb.PutNamespaceRequest{Namespace: n}); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%s: %v", called, err)
		}
	}
	if _, err := h.PutNamespace(ctx, &weirpb.PutNamespaceRequest{Create: true, Namespace: &weirpb.Namespace{Tenant: "acme", Name: "map"}}); fault.CodeOf(err) != fault.AlreadyExists {
		t.Errorf("created again: %v", err)
	}
	list, err := h.ListNamespaces(ctx, &weirpb.ListNamespacesRequest{Tenant: "acme"})
	if err != nil || len(list.GetNamespaces()) != 3 || list.GetNamespaces()[0].GetName() != "chat" {
		t.Errorf("the namespaces are %v, %v", list, err)
	}
}

func TestDeletedTenantsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	h := withTenant(t, Config{Dir: dir, Inspect: inspect})
	ctx := testContext(t)
	from := newProducer()
	first := mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Producer: from, Sequence: 1})
	mustPublish(t, h, &weirpb.Publication{Channel: "map:a", Key: "k"})
	v, err := h.UploadFilter(ctx, &weirpb.UploadFilterRequest{Tenant: "acme", Name: "f", Module: []byte("wasm")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.DeleteTenant(ctx, &weirpb.DeleteTenantRequest{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := publish(t, h, &weirpb.Publication{Channel: "chat:a"}); fault.CodeOf(err) != fault.TenantUnknown {
		t.Errorf("a publication: %v", err)
	}
	if _, err := h.Module(ctx, v.GetDigest()); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("its module: %v", err)
	}
	if left := h.control.State().Meta.GetDropping(); len(left) != 0 {
		t.Errorf("still being dropped are %v", left)
	}
	if _, err := h.CreateTenant(ctx, &weirpb.CreateTenantRequest{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	putNamespace(t, h, &weirpb.Namespace{Tenant: "acme", Name: "chat"})
	again := mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Producer: from, Sequence: 1})
	if again.GetDuplicate() || again.GetOffset() != 1 || again.GetEpoch() == first.GetEpoch() {
		t.Errorf("in the tenant of the same name it is %v, before it was %v", again, first)
	}
	tenants, err := h.ListTenants(ctx, nil)
	if err != nil || len(tenants.GetTenants()) != 1 {
		t.Errorf("the tenants are %v, %v", tenants, err)
	}
}

// TestInterruptedDeletionIsFinished stops a hub between the two steps of a deletion.
func TestInterruptedDeletionIsFinished(t *testing.T) {
	dir := t.TempDir()
	h := withTenant(t, Config{Dir: dir})
	mustPublish(t, h, &weirpb.Publication{Channel: "chat:a"})
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.DeleteTenant(gone, &weirpb.DeleteTenantRequest{Name: "acme"}); err == nil {
		t.Log("the deletion was answered although its caller had gone")
	}
	err := h.WatchControl(testContext(t), func(*weirpb.ControlUpdate) error { // the change was on its way
		if len(h.control.State().Tenants) == 0 {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h = openHub(t, Config{Dir: dir})
	if err := h.tidy(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if left := h.control.State().Meta.GetDropping(); len(left) != 0 {
		t.Errorf("still being dropped are %v", left)
	}
}

func TestTenantsAreChecked(t *testing.T) {
	h := withTenant(t, Config{})
	ctx := testContext(t)
	if _, err := h.CreateTenant(ctx, &weirpb.CreateTenantRequest{Name: "Acme"}); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("a bad name: %v", err)
	}
	if _, err := h.CreateTenant(ctx, &weirpb.CreateTenantRequest{Name: "acme"}); fault.CodeOf(err) != fault.AlreadyExists {
		t.Errorf("again: %v", err)
	}
	for _, err := range []error{
		func() error { _, err := h.DeleteTenant(ctx, &weirpb.DeleteTenantRequest{Name: "none"}); return err }(),
		func() error {
			_, err := h.ListNamespaces(ctx, &weirpb.ListNamespacesRequest{Tenant: "none"})
			return err
		}(),
		func() error {
			_, err := h.ListSigningKeys(ctx, &weirpb.ListSigningKeysRequest{Tenant: "none"})
			return err
		}(),
		func() error { _, err := h.ListFilters(ctx, &weirpb.ListFiltersRequest{Tenant: "none"}); return err }(),
	} {
		if fault.CodeOf(err) != fault.TenantUnknown {
			t.Errorf("an unknown tenant: %v", err)
		}
	}
}

func TestRollouts(t *testing.T) {
	h := withTenant(t, Config{Inspect: inspect})
	ctx := testContext(t)
	push := func(module string) *weirpb.FilterVersion {
		v, err := h.PushFilter(ctx, &weirpb.PushFilterRequest{Tenant: "acme", Name: "f", Module: []byte(module)})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := push("wasm1"); v.GetVersion() != 1 || v.GetLive() || v.GetRole() != weirpb.FilterRole_FILTER_ROLE_PUSHED {
		t.Errorf("pushed, the first version is %v", v)
	}
	if _, err := h.GetFilter(ctx, &weirpb.GetFilterRequest{Tenant: "acme", Name: "f"}); fault.CodeOf(err) != fault.FilterUnknown || !strings.Contains(err.Error(), "is live") {
		t.Errorf("the live version before there is one: %v", err)
	}
	if _, err := h.PromoteFilter(ctx, &weirpb.PromoteFilterRequest{Tenant: "acme", Name: "f", Version: 1}); err != nil {
		t.Fatal(err)
	}
	before := h.groups[0].machine.Applied()
	if v := push("wasm1"); v.GetVersion() != 1 || h.groups[0].machine.Applied() != before {
		t.Errorf("pushed again it is %v", v)
	}
	push("wasm2")
	tried, err := h.SetRollout(ctx, &weirpb.SetRolloutRequest{Tenant: "acme", Name: "f", Role: weirpb.FilterRole_FILTER_ROLE_CANARY, CanaryPercent: 10})
	if err != nil || tried.GetVersion() != 2 || tried.GetCanaryPercent() != 10 {
		t.Errorf("the canary is %v, %v", tried, err)
	}
	for _, c := range []struct {
		since int64
		want  weirpb.FilterRole
	}{
		{tried.GetRoleSinceMs() - 1, weirpb.FilterRole_FILTER_ROLE_CANARY}, // another trial, so this one goes on
		{tried.GetRoleSinceMs(), weirpb.FilterRole_FILTER_ROLE_PUSHED},
	} {
		if err := h.EndCanary(ctx, "acme", "f", 2, c.since); err != nil {
			t.Fatal(err)
		}
		v, err := h.GetFilter(ctx, &weirpb.GetFilterRequest{Tenant: "acme", Name: "f", Version: 2})
		if err != nil || v.GetFilter().GetRole() != c.want {
			t.Errorf("ended for the trial of %d, the version is %v, %v", c.since, v.GetFilter(), err)
		}
	}
	if _, err := h.SetRollout(ctx, &weirpb.SetRolloutRequest{Tenant: "acme", Name: "f", Role: weirpb.FilterRole_FILTER_ROLE_CANARY, CanaryPercent: 10}); err != nil {
		t.Fatal(err)
	}
	promoted, err := h.PromoteFilter(ctx, &weirpb.PromoteFilterRequest{Tenant: "acme", Name: "f"})
	if err != nil || promoted.GetVersion() != 2 || !promoted.GetLive() {
		t.Errorf("the canary, promoted, is %v, %v", promoted, err)
	}
	then, err := h.GetFilter(ctx, &weirpb.GetFilterRequest{Tenant: "acme", Name: "f", LiveAtMs: promoted.GetRoleSinceMs()})
	if err != nil || then.GetFilter().GetVersion() != 2 {
		t.Errorf("live when it was promoted was %v, %v", then.GetFilter(), err)
	}
	if _, err := h.GetFilter(ctx, &weirpb.GetFilterRequest{Tenant: "acme", Name: "f", LiveAtMs: 1}); fault.CodeOf(err) != fault.FilterUnknown {
		t.Errorf("live in 1970: %v", err)
	}
	if v, err := h.PauseFilter(ctx, &weirpb.PauseFilterRequest{Tenant: "acme", Name: "f"}); err != nil || !v.GetPaused() || !v.GetLive() {
		t.Errorf("paused it is %v, %v", v, err)
	}
	if v, err := h.ResumeFilter(ctx, &weirpb.ResumeFilterRequest{Tenant: "acme", Name: "f"}); err != nil || v.GetPaused() {
		t.Errorf("resumed it is %v, %v", v, err)
	}
	if v, err := h.RollbackFilter(ctx, &weirpb.RollbackFilterRequest{Tenant: "acme", Name: "f"}); err != nil || v.GetVersion() != 1 {
		t.Errorf("back is %v, %v", v, err)
	}
	for called, r := range map[string]*weirpb.SetRolloutRequest{
		"no share":           {Role: weirpb.FilterRole_FILTER_ROLE_CANARY},
		"too large a share":  {Role: weirpb.FilterRole_FILTER_ROLE_CANARY, CanaryPercent: 101},
		"a shadow's share":   {Role: weirpb.FilterRole_FILTER_ROLE_SHADOW, CanaryPercent: 1},
		"live":               {Role: weirpb.FilterRole_FILTER_ROLE_LIVE},
		"a role from beyond": {Role: 99},
	} {
		r.Tenant, r.Name, r.Version = "acme", "f", 2
		if _, err := h.SetRollout(ctx, r); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%s: %v", called, err)
		}
	}
}
