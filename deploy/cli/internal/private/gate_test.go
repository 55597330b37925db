package private

import (
	"context"
	"net/http"
	"testing"
)

func TestGate(t *testing.T) {
	var g Gate
	h := Handler(NewRegistry(), g.Check("hub", func(context.Context) error { return nil }))
	for _, step := range []struct {
		do     func()
		status int
		body   string
	}{
		{func() {}, http.StatusServiceUnavailable, "hub: starting\n"},
		{g.Start, http.StatusOK, "hub: ok\n"},
		{g.Stop, http.StatusServiceUnavailable, "hub: stopping\n"},
	} {
		step.do()
		if status, body := get(t, h, "/readyz"); status != step.status || body != step.body {
			t.Errorf("%d %q, want %d %q", status, body, step.status, step.body)
		}
	}
}
