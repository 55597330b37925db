package filteradmin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"weir/edge"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// fakeEdge has filter f of tenant acme.
type fakeEdge struct{}

func (fakeEdge) FilterStats(tenant, filter string) []edge.FilterStats {
	if tenant != "acme" || filter != "" && filter != "f" {
		return []edge.FilterStats{}
	}
	return []edge.FilterStats{{Filter: "f", Version: 1, SHA256: "abc0"}, {Filter: "f", Version: 2, SHA256: "def0"}}
}

func (fakeEdge) Subscriptions(tenant, channel string) []edge.Subscription {
	if tenant != "acme" || channel != "" && channel != "chat" {
		return []edge.Subscription{}
	}
	return []edge.Subscription{{ID: "5e55/1", Tenant: "acme", Channel: "chat"}}
}

func (fakeEdge) Explain(_ context.Context, id string, at *weirpb.Cursor) (*weirpb.Explanation, error) {
	if at.GetOffset() == 9 {
		return nil, fault.New(fault.CursorAhead, "no event 9 yet").WithHint("wait")
	}
	return &weirpb.Explanation{Channel: id, Event: at, Verdict: weirpb.Verdict_VERDICT_HELD}, nil
}

func (fakeEdge) Check(_, filter string) *fault.Fault {
	if filter == "unheard-of" {
		return fault.New(fault.FilterUnknown, "there is no filter of this name").WithHint("weir filter list")
	}
	return nil
}

func (fakeEdge) FilterLogs(tenant, filter string) *weirpb.GetFilterLogsResponse {
	r := &weirpb.GetFilterLogsResponse{}
	if tenant == "acme" && filter == "f" {
		r.Lines = []*weirpb.EdgeFilterLine{{Line: &weirpb.FilterLine{Name: "f", Version: 2, Number: 3, Text: "hello"}}}
	}
	return r
}

func serve(t *testing.T, running bool) *httptest.Server {
	t.Helper()
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "next") })
	server := httptest.NewServer(Handler(next, func() Edge {
		if !running {
			return nil
		}
		return fakeEdge{}
	}))
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestStats(t *testing.T) {
	server := serve(t, true)
	var stats []edge.FilterStats
	status, body := get(t, server.URL+"/filters/stats?tenant=acme&filter=f")
	if err := json.Unmarshal([]byte(body), &stats); err != nil || status != http.StatusOK || len(stats) != 2 || stats[1].Version != 2 {
		t.Errorf("%d %s, %v", status, body, err)
	}
	if status, body := get(t, server.URL+"/filters/stats?tenant=zeta"); status != http.StatusOK || strings.TrimSpace(body) != "[]" {
		t.Errorf("of another tenant: %d %s", status, body)
	}
	if status, _ := get(t, server.URL+"/filters/stats"); status != http.StatusBadRequest {
		t.Errorf("of no tenant: %d", status)
	}
	if _, body := get(t, server.URL+"/readyz"); body != "next" {
		t.Errorf("the rest is answered %q", body)
	}
	starting := serve(t, false)
	if status, _ := get(t, starting.URL+"/filters/stats?tenant=acme"); status != http.StatusServiceUnavailable {
		t.Errorf("without an edge: %d", status)
	}
}

func TestLogs(t *testing.T) {
	server := serve(t, true)
	for query, want := range map[string]int{"tenant=acme&filter=f": 1, "tenant=acme&filter=g": 0, "tenant=zeta&filter=f": 0} {
		logs := &weirpb.GetFilterLogsResponse{}
		status, body := get(t, server.URL+"/filters/logs?"+query)
		if err := protojson.Unmarshal([]byte(body), logs); err != nil || status != http.StatusOK || len(logs.GetLines()) != want {
			t.Errorf("%s: %d %s, %v", query, status, body, err)
		}
	}
	if status, _ := get(t, server.URL+"/filters/logs?filter=f"); status != http.StatusBadRequest {
		t.Errorf("of no tenant: %d", status)
	}
}

func TestSubscriptions(t *testing.T) {
	server := serve(t, true)
	for query, want := range map[string]int{"tenant=acme": 1, "tenant=acme&channel=chat": 1, "tenant=acme&channel=x": 0, "tenant=zeta": 0} {
		var list []edge.Subscription
		status, body := get(t, server.URL+"/subscriptions?"+query)
		if err := json.Unmarshal([]byte(body), &list); err != nil || status != http.StatusOK || len(list) != want {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
}

func TestExplain(t *testing.T) {
	server := serve(t, true)
	x := &weirpb.Explanation{}
	status, body := get(t, server.URL+"/subscriptions/explain?tenant=acme&subscription=5e55/1&epoch=7&offset=3")
	if err := protojson.Unmarshal([]byte(body), x); err != nil || status != http.StatusOK || x.GetChannel() != "5e55/1" || x.GetEvent().GetEpoch() != 7 || x.GetEvent().GetOffset() != 3 {
		t.Errorf("%d %s, %v", status, body, err)
	}
	for query, want := range map[string]fault.Code{
		"tenant=acme&subscription=5e55/1&epoch=7&offset=9": fault.CursorAhead,
		"tenant=acme&subscription=5e55/2&epoch=7&offset=3": fault.SubscriptionUnknown,
		"tenant=zeta&subscription=5e55/1&epoch=7&offset=3": fault.SubscriptionUnknown,
	} {
		f := &weirpb.Fault{}
		status, body := get(t, server.URL+"/subscriptions/explain?"+query)
		if err := protojson.Unmarshal([]byte(body), f); err != nil || status != http.StatusUnprocessableEntity || f.GetCode() != string(want) || f.GetHint() == "" {
			t.Errorf("%s: %d %s, %v", query, status, body, err)
		}
	}
	for _, query := range []string{"tenant=acme&subscription=5e55/1", "tenant=acme&subscription=5e55/1&epoch=x&offset=1", "subscription=5e55/1&epoch=7&offset=1"} {
		if status, _ := get(t, server.URL+"/subscriptions/explain?"+query); status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, status)
		}
	}
}
