package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestWithoutKeyNothingHappens(t *testing.T) {
	s := serve(t, &fakeHub{})
	for name, key := range map[string]string{
		"none": "", "unknown": "wk_acme_guessed", "no key": "hunter2", "long": "wk_" + strings.Repeat("x", 1000),
	} {
		a := s.post(t, "EventService/Publish", key, `{"event": {"channel": "chat"}, "text": "hello"}`)
		if a.status != http.StatusUnauthorized || a.Code != "unauthenticated" || a.fault() != "unauthenticated" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if a.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
	}
	if len(s.hub.published) > 0 {
		t.Error("something was published")
	}
	if log := s.log.String(); strings.Contains(log, "guessed") || strings.Contains(log, "hunter2") || strings.Count(log, "\n") != 4 {
		t.Errorf("log: %s", log)
	}
}

func TestTenantIsSettled(t *testing.T) {
	s := serve(t, &fakeHub{})
	tests := []struct {
		method, key, body string
		want              string // the tenant that the hub is asked about, or the fault
	}{
		{"EventService/History", acmeKey, `{"channel": "chat"}`, "acme"},
		{"EventService/History", acmeKey, `{"channel": "chat", "tenant": "acme"}`, "acme"},
		{"EventService/History", acmeKey, `{"channel": "chat", "tenant": "other"}`, "permission_denied"},
		{"EventService/History", operatorKey, `{"channel": "chat", "tenant": "other"}`, "other"},
		{"EventService/History", operatorKey, `{"channel": "chat"}`, "invalid_argument"},
		{"EventService/Publish", acmeKey, `{"event": {"channel": "chat"}, "tenant": "other"}`, "permission_denied"},
		{"EventService/PublishMany", acmeKey, `{"events": [{"channel": "chat"}], "tenant": "other"}`, "permission_denied"},
		{"EventService/OpenProducer", acmeKey, `{"tenant": "other"}`, "permission_denied"},
		{"NamespaceService/PutNamespace", acmeKey, `{"namespace": {"name": "chat"}}`, "acme"},
		{"NamespaceService/PutNamespace", acmeKey, `{"namespace": {"name": "chat", "tenant": "other"}}`, "permission_denied"},
		{"NamespaceService/PutNamespace", acmeKey, `{}`, "invalid_argument"},
		{"KeyService/CreateApiKey", acmeKey, `{}`, "acme"},
		{"KeyService/CreateApiKey", acmeKey, `{"tenant": "other"}`, "permission_denied"},
		{"KeyService/CreateApiKey", operatorKey, `{}`, ""},
		{"KeyService/CreateApiKey", operatorKey, `{"tenant": "acme"}`, "acme"},
		{"TenantService/ListTenants", acmeKey, `{}`, "permission_denied"},
		{"TenantService/CreateTenant", acmeKey, `{"name": "evil"}`, "permission_denied"},
		{"TenantService/SetTenantLimits", acmeKey, `{"name": "acme"}`, "permission_denied"},
	}
	for _, tt := range tests {
		s.hub.tenants = nil
		a := s.post(t, tt.method, tt.key, tt.body)
		got := a.fault()
		if a.status == http.StatusOK && len(s.hub.tenants) == 1 {
			got = s.hub.tenants[0]
		}
		if got != tt.want {
			t.Errorf("%s %s: %q, want %q (%d %s)", tt.method, tt.body, got, tt.want, a.status, a.body)
		}
		if a.status != http.StatusOK && (len(s.hub.tenants) > 0 || a.Details[0].Debug.Hint == "") {
			t.Errorf("%s %s: hub asked about %v; %s", tt.method, tt.body, s.hub.tenants, a.body)
		}
	}
	if a := s.post(t, "TenantService/ListTenants", operatorKey, `{}`); a.status != http.StatusOK {
		t.Errorf("operator: %s", a.body)
	}
	if slices.Contains(strings.Fields(s.log.String()), acmeKey) {
		t.Error("a key is in the log")
	}
}
