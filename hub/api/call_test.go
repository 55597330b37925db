package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

func TestPanicsAreInternalFaults(t *testing.T) {
	h := &fakeHub{history: func(context.Context, *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error) {
		panic("payload: secret")
	}}
	s := serve(t, h)
	a := s.post(t, "EventService/History", acmeKey, `{}`)
	if a.status != http.StatusInternalServerError || a.fault() != "internal" || strings.Contains(a.body, "secret") {
		t.Errorf("%d %s", a.status, a.body)
	}
	log := s.log.String()
	if !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "call_test.go") || strings.Contains(log, "secret") {
		t.Errorf("log: %s", log)
	}
}

func TestRefusalsAreLoggedOnceWithTheirCause(t *testing.T) {
	h := &fakeHub{history: func(context.Context, *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error) {
		return nil, fault.New(fault.Unavailable, "no leader").WithCause(errors.New("raft: leadership lost")).WithRetryAfter(1100 * time.Millisecond)
	}}
	s := serve(t, h)
	a := s.post(t, "EventService/History", acmeKey, `{"channel": "chat"}`)
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "2" || strings.Contains(a.body, "leadership") {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	log := s.log.String()
	if strings.Count(log, "\n") != 1 {
		t.Fatalf("log: %s", log)
	}
	for _, want := range []string{"level=WARN", "EventService/History", "code=unavailable", "leadership lost", "tenant=acme", "key=acme"} {
		if !strings.Contains(log, want) {
			t.Errorf("log lacks %q: %s", want, log)
		}
	}
}

// The mistakes that people with curl make first get a sentence that helps.
func TestMistakesWithCurl(t *testing.T) {
	s := serve(t, &fakeHub{})
	tests := []struct {
		name, verb, method, contentType, body string
		status                                int
		want                                  string
	}{
		{"form", "POST", "EventService/Publish", "application/x-www-form-urlencoded", `{}`, 415, "Content-Type: application/json"},
		{"get", "GET", "EventService/Publish", "", "", 405, "use POST"},
		{"typo", "POST", "EventService/Publsh", "application/json", `{}`, 404, "no such call"},
		{"syntax", "POST", "EventService/Publish", "application/json", `{"event": }`, 400, "syntax error"},
		{"empty", "POST", "EventService/Publish", "application/json", ``, 400, "zero-length payload is not a valid JSON object"},
		{"kind", "POST", "EventService/Publish", "application/json", `{"event": 5}`, 400, "unexpected token"},
	}
	for _, tt := range tests {
		a := s.do(t, tt.verb, tt.method, acmeKey, tt.contentType, strings.NewReader(tt.body))
		if a.status != tt.status || !strings.Contains(a.Message, tt.want) {
			t.Errorf("%s: %d %s", tt.name, a.status, a.body)
		}
	}
	if log := s.log.String(); strings.Count(log, "\n") != len(tests) || strings.Contains(log, "Publsh") {
		t.Errorf("log: %s", log)
	}
}
