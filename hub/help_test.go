package hub

import (
	"context"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/proto/weirpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what should take milliseconds.
const patience = 20 * time.Second

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// openHub opens a hub that leads. The test closes it, or its end does.
func openHub(t testing.TB, cfg Config) *Hub {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.Logger == nil {
		cfg.Logger = testLogger()
	}
	h, err := Open(testContext(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := h.Ready(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return h
}

func testLogger() *slog.Logger {
	if os.Getenv("WEIR_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

// withTenant opens a hub that has the tenant "acme" with the namespaces "default" (log), "chat" (log), "map" (state).
func withTenant(t testing.TB, cfg Config) *Hub {
	t.Helper()
	h := openHub(t, cfg)
	ctx := testContext(t)
	if _, err := h.CreateTenant(ctx, &weirpb.CreateTenantRequest{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	putNamespace(t, h, &weirpb.Namespace{Tenant: "acme", Name: "chat"})
	putNamespace(t, h, &weirpb.Namespace{Tenant: "acme", Name: "map", Kind: weirpb.ChannelKind_CHANNEL_KIND_STATE})
	return h
}

func putNamespace(t testing.TB, h *Hub, n *weirpb.Namespace) {
	t.Helper()
	if _, err := h.PutNamespace(testContext(t), &weirpb.PutNamespaceRequest{Namespace: n}); err != nil {
		t.Fatal(err)
	}
}

type answer struct {
	receipt *weirpb.Receipt
	err     error
}

// publish waits for the answer.
func publish(t testing.TB, h *Hub, p *weirpb.Publication) (*weirpb.Receipt, error) {
	t.Helper()
	answers := make(chan answer, 1)
	h.Publish("acme", p, func(r *weirpb.Receipt, err error) { answers <- answer{r, err} })
	select {
	case a := <-answers:
		return a.receipt, a.err
	case <-time.After(patience):
		t.Fatal("the publication was not answered")
		return nil, nil
	}
}

func mustPublish(t testing.TB, h *Hub, p *weirpb.Publication) *weirpb.Receipt {
	t.Helper()
	r, err := publish(t, h, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// chatGroup returns the group of the channel "chat:a".
func chatGroup(h *Hub) *group { return h.shardOf("acme", "chat:a").group }
