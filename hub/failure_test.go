package hub

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"weir/hub/internal/datadir"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

func TestOpenRefusesWhatIsNotItsOwn(t *testing.T) {
	dir := t.TempDir()
	h := openHub(t, Config{Dir: dir})
	if _, err := Open(testContext(t), Config{Dir: dir, Logger: testLogger()}); !errors.Is(err, datadir.ErrInUse) {
		t.Errorf("a running hub's folder: %v", err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "format"), []byte("weir hub 99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testContext(t), Config{Dir: dir, Logger: testLogger()}); !errors.Is(err, datadir.ErrTooNew) {
		t.Errorf("a newer version's folder: %v", err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(gone, Config{Dir: t.TempDir(), Logger: testLogger()}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that has gone: %v", err)
	}
}

func TestClosedHubSaysSo(t *testing.T) {
	h := withTenant(t, Config{})
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	ctx := testContext(t)
	for called, call := range map[string]func() error{
		"Ready":        func() error { return h.Ready(ctx) },
		"Follow":       func() error { return h.Follow(ctx, "acme", "a", nil, nil) },
		"WatchControl": func() error { return h.WatchControl(ctx, nil) },
		"History":      func() error { _, err := h.History(ctx, &weirpb.HistoryRequest{}); return err },
		"State":        func() error { _, err := h.State(ctx, &weirpb.StateRequest{}); return err },
		"GetChannel":   func() error { _, err := h.GetChannel(ctx, &weirpb.GetChannelRequest{}); return err },
		"Module":       func() error { _, err := h.Module(ctx, nil); return err },
		"Authenticate": func() error { _, err := h.Authenticate(""); return err },
		"CreateTenant": func() error { _, err := h.CreateTenant(ctx, &weirpb.CreateTenantRequest{Name: "b"}); return err },
		"ListTenants":  func() error { _, err := h.ListTenants(ctx, nil); return err },
		"CreateApiKey": func() error { _, err := h.CreateApiKey(ctx, &weirpb.CreateApiKeyRequest{}); return err },
		"ListApiKeys":  func() error { _, err := h.ListApiKeys(ctx, &weirpb.ListApiKeysRequest{}); return err },
	} {
		if err := call(); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("%s: %v", called, err)
		}
	}
}

// TestCorruptEventsAreNotServed damages an event on disk, which the snapshot has in the very same file, and the log not any more.
func TestCorruptEventsAreNotServed(t *testing.T) {
	dir := t.TempDir()
	h := withTenant(t, Config{Dir: dir, trailing: 1})
	marker := strings.Repeat("damage me ", 50)
	mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Payload: []byte(marker)})
	for range 5 {
		mustPublish(t, h, &weirpb.Publication{Channel: "chat:a"})
	}
	if err := h.shardOf("acme", "chat:a").group.replica.Snapshot(); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	damageTables(t, filepath.Join(chatGroup(h).dir, "state"))
	registry := prometheus.NewRegistry()
	h, err := Open(testContext(t), Config{Dir: dir, Registerer: registry, Logger: testLogger()})
	if err != nil {
		return // what is needed to start was hit: that is a clear error, too
	}
	defer func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}()
	_ = h.Ready(testContext(t))
	page, err := h.History(testContext(t), &weirpb.HistoryRequest{Tenant: "acme", Channel: "chat:a"})
	if err == nil || fault.CodeOf(err) != fault.Internal || strings.Contains(err.Error(), "damage") {
		t.Errorf("it is served as %v, %v", page, err)
	}
	if n := gather(t, registry)["weir_hub_store_corruption_total"]; n == 0 {
		t.Error("the corruption is not counted")
	}
}

// damageTables flips a bit in the tables' blocks that have events.
func damageTables(t *testing.T, dir string) {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	hit := 0
	for _, name := range tables {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.Index(content, []byte("damage me")); i >= 0 {
			content[i] ^= 1
			hit++
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if hit == 0 {
		t.Fatal("no table has the event")
	}
}

// TestDamagedLogStopsTheHub damages the log where it has to be replayed from.
func TestDamagedLogStopsTheHub(t *testing.T) {
	dir := t.TempDir()
	h := withTenant(t, Config{Dir: dir})
	mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Payload: []byte(strings.Repeat("damage me ", 50))})
	mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Payload: []byte("more")})
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(chatGroup(h).dir, "state")); err != nil {
		t.Fatal(err)
	}
	segments, err := filepath.Glob(filepath.Join(chatGroup(h).dir, "log", "*.wal"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	content, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	content[bytes.Index(content, []byte("damage me"))] ^= 1
	if err := os.WriteFile(segments[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(testContext(t), Config{Dir: dir, Logger: testLogger()})
	if fault.CodeOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "weir hub restore") {
		t.Errorf("the hub opens with %v", err)
	}
}
