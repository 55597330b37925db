package browser_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"weir/edge"
	"weir/edge/browser"
	"weir/edge/internal/fakehub"
	"weir/edge/token"
	"weir/filters"
	"weir/filters/examples"
)

const tenant = "acme" // of fakehub

// A relay is a real edge on a hub that is none, and a site that serves pages.
type relay struct {
	hub  *fakehub.Hub
	site string // URL
}

// startRelay starts an edge with the filter viewport, and a site with the SDK and a discovery document.
func startRelay(t *testing.T) *relay {
	t.Helper()
	hub := fakehub.New()
	hub.PutFilter(tenant, "viewport", examples.Viewport().Module)
	log := slog.New(slog.DiscardHandler)
	engine, err := filters.New(t.Context(), filters.Config{Logger: log})
	must(t, err)
	server, err := edge.New(edge.Config{Upstream: hub, Filters: engine, Agent: "weir/test", Logger: log})
	must(t, err)
	certificate, err := edge.OpenDevCertificate(t.TempDir(), log)
	must(t, err)
	listener, err := server.Listen(edge.ListenConfig{
		Address: "127.0.0.1:0", GetCertificate: certificate.GetCertificate, Origins: []string{"*"}, Logger: log,
	})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := listener.Serve(ctx); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	hash, err := certificate.Hash()
	must(t, err)
	key := signingKey(t, hub)
	mux := http.NewServeMux()
	mux.Handle("/", browser.Handler())
	mux.Handle("/weir", listener.WebSocket())
	mux.HandleFunc("GET /blank", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
	})
	mux.HandleFunc("GET /.well-known/weir", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"url": "https://" + listener.Addr().String(), "websocketUrl": "ws://" + r.Host + "/weir",
			"certificateHashes": []string{hash}, "token": mint(t, key),
		})
	})
	site := httptest.NewServer(mux)
	t.Cleanup(func() {
		cancel()
		serving.Wait()
		site.Close()
		must(t, server.Close())
		must(t, engine.Close(context.Background()))
	})
	return &relay{hub: hub, site: site.URL}
}

func signingKey(t *testing.T, hub *fakehub.Hub) *token.PrivateKey {
	t.Helper()
	key, err := token.ParseJWK([]byte(`{"kty":"oct","kid":"k1","k":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"}`))
	must(t, err)
	public, err := key.SigningKey(tenant)
	must(t, err)
	hub.Put(public)
	return key
}

func mint(t *testing.T, key *token.PrivateKey) string {
	t.Helper()
	minted, err := token.Mint(&token.Claims{
		Tenant: tenant, Subject: "alice", Expires: time.Now().Add(time.Hour), Subscribe: []string{"*"}, Publish: []string{"*"},
	}, key)
	must(t, err)
	return minted
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
