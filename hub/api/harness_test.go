package api_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"weir/hub/api"
	"weir/hub/internal/logtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A server is the API over HTTPS, with HTTP/2, in front of a fake hub.
type server struct {
	*httptest.Server
	hub      *fakeHub
	log      *logtest.Buffer
	registry *prometheus.Registry
}

func serve(t *testing.T, h *fakeHub, change ...func(*api.Config)) *server {
	t.Helper()
	s := &server{hub: h, log: &logtest.Buffer{}, registry: prometheus.NewRegistry()}
	cfg := api.Config{Hub: h, Logger: slog.New(slog.NewTextHandler(s.log, nil)), Registerer: s.registry}
	for _, f := range change {
		f(&cfg)
	}
	handler, err := api.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, pattern := range handler.Patterns() {
		mux.Handle(pattern, handler)
	}
	s.Server = httptest.NewUnstartedServer(mux)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// An answer is what a person with curl sees.
type answer struct {
	status  int
	header  http.Header
	body    string
	Code    string
	Message string
	Secret  string
	Details []struct {
		Type  string
		Debug struct{ Code, Hint string }
	}
}

// post calls a method as curl would, with JSON.
func (s *server) post(t *testing.T, method, key, body string) answer {
	t.Helper()
	return s.do(t, http.MethodPost, method, key, "application/json", strings.NewReader(body))
}

func (s *server) do(t *testing.T, verb, method, key, contentType string, body io.Reader) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), verb, s.URL+"/weir.v1."+method, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := s.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, body: string(content)}
	if err := json.Unmarshal(content, &a); err != nil {
		t.Fatalf("%s %s answers %q, which is no JSON: %v", verb, method, content, err)
	}
	return a
}

// fault returns the weir code of a refusal.
func (a answer) fault() string {
	if len(a.Details) == 0 {
		return ""
	}
	return a.Details[0].Debug.Code
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))
