package api_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/hub"
	"weir/hub/api"
)

// From an empty data folder to a published event and back, with what a person at a terminal has: the key file and curl.
func TestWithARealHub(t *testing.T) {
	dir := t.TempDir()
	h, err := hub.Open(t.Context(), hub.Config{Dir: dir, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := h.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := serve(t, &fakeHub{}, func(cfg *api.Config) { cfg.Hub = h })
	file, err := os.ReadFile(filepath.Join(dir, "admin.key"))
	if err != nil {
		t.Fatal(err)
	}
	operator := strings.TrimSpace(string(file))
	expect := func(method, key, body string, status int, want string) answer {
		t.Helper()
		a := s.post(t, method, key, body)
		if a.status != status || !strings.Contains(strings.ReplaceAll(a.body, " ", ""), want) {
			t.Errorf("%s %s: %d %s, want %d and %s", method, body, a.status, a.body, status, want)
		}
		return a
	}
	expect("TenantService/CreateTenant", operator, `{"name": "acme"}`, http.StatusOK, `"name":"acme"`)
	expect("TenantService/CreateTenant", operator, `{"name": "acme"}`, http.StatusConflict, `already_exists`)
	expect("TenantService/CreateTenant", operator, `{"name": "A"}`, http.StatusBadRequest, `invalid_argument`)
	tenant := expect("KeyService/CreateApiKey", operator, `{"tenant": "acme"}`, http.StatusOK, `"secret":"wk_`).Secret
	expect("NamespaceService/PutNamespace", tenant, `{"namespace": {"name": "chat", "kind": "CHANNEL_KIND_LOG"}}`, http.StatusOK, `"tenant":"acme"`)
	expect("EventService/Publish", tenant, `{"event": {"channel": "chat:a"}, "text": "hello"}`, http.StatusOK, `"offset":"1"`)
	expect("EventService/History", tenant, `{"channel": "chat:a"}`, http.StatusOK, `"payload":"aGVsbG8="`)
	expect("EventService/Publish", tenant, `{"event": {"channel": "nope:a"}, "text": "hello"}`, http.StatusNotFound, `namespace_unknown`)
	expect("EventService/Publish", tenant, `{"event": {"channel": "a b"}, "text": "hello"}`, http.StatusBadRequest, `channel_invalid`)
	expect("EventService/Publish", tenant+"x", `{"event": {"channel": "chat:a"}}`, http.StatusUnauthorized, `unauthenticated`)
	expect("TenantService/ListTenants", tenant, `{}`, http.StatusForbidden, `permission_denied`)
}
