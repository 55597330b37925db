package api_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/hub/internal/metricstest"
)

func TestMetricsCount(t *testing.T) {
	s := serve(t, &fakeHub{})
	s.post(t, "EventService/Publish", acmeKey, `{"event": {"channel": "chat"}, "text": "hello"}`)
	s.post(t, "EventService/Publish", acmeKey, `{}`)
	s.post(t, "EventService/Publish", "", `{}`)
	s.post(t, "EventService/Publish", acmeKey, `{`)
	s.post(t, "EventService/Nope", acmeKey, `{}`)
	err := testutil.GatherAndCompare(s.registry, strings.NewReader(`
# HELP weir_api_publishes_total Events handed in through the server API, by code.
# TYPE weir_api_publishes_total counter
weir_api_publishes_total{code="ok"} 1
# HELP weir_api_requests_total Calls of the server API, by method and code.
# TYPE weir_api_requests_total counter
weir_api_requests_total{code="invalid_argument",method="EventService/Publish"} 2
weir_api_requests_total{code="not_found",method="unknown"} 1
weir_api_requests_total{code="ok",method="EventService/Publish"} 1
weir_api_requests_total{code="unauthenticated",method="EventService/Publish"} 1
# HELP weir_api_requests_in_flight Calls of the server API being served now.
# TYPE weir_api_requests_in_flight gauge
weir_api_requests_in_flight 0
`), "weir_api_publishes_total", "weir_api_requests_total", "weir_api_requests_in_flight")
	if err != nil {
		t.Error(err)
	}
}

func TestMetricsAreThoseOfTheList(t *testing.T) {
	s := serve(t, &fakeHub{})
	s.post(t, "EventService/Publish", acmeKey, `{"event": {"channel": "chat"}, "text": "hello"}`)
	metricstest.Listed(t, s.registry)
}
