package ca_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/hub/ca"
	"weir/hub/internal/metricstest"
)

// spread copies the authority's bundle to a node, as an operator does.
func spread(t *testing.T, authority string, nodes ...string) {
	t.Helper()
	bundle, err := os.ReadFile(filepath.Join(authority, ca.FileCA))
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range nodes {
		if err := os.WriteFile(filepath.Join(node, ca.FileCA), bundle, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Each step of a rotation may reach one node before the other: at every moment they believe each other.
func TestRotationInSteps(t *testing.T) {
	dir := t.TempDir()
	authority, hub, edge := dir+"/ca", dir+"/hub", dir+"/edge"
	a, err := ca.Create(authority, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issue(t, a, hub, "hub", "hub-1", time.Hour)
	issue(t, a, edge, "edge", "edge-1", time.Hour)
	h, e := open(t, hub, ca.Hub), open(t, edge, ca.Edge)
	server, client := h.Server("x/1", ca.Edge), e.Client("x/1", ca.Name{Role: ca.Hub})
	step := func(what string, do func()) {
		t.Helper()
		do()
		for _, identity := range []*ca.Identity{h, e} {
			if err := identity.Reload(); err != nil {
				t.Errorf("%s: reload: %v", what, err)
			}
			if got := shake(t, client, server); got.client != nil || got.server != nil {
				t.Errorf("%s: %+v", what, got)
			}
		}
	}
	step("nothing", func() {})
	step("begin", func() {
		if err := a.BeginRotation(time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := a.BeginRotation(time.Now()); err == nil {
			t.Error("a rotation begins within another")
		}
	})
	outdated := func(want int) {
		t.Helper()
		if records, err := a.Outdated(time.Now()); err != nil || len(records) != want {
			t.Errorf("%d certificates are of the old authority, want %d (%v)", len(records), want, err)
		}
	}
	outdated(2)
	step("all believe the new authority", func() { spread(t, authority, hub, edge) })
	step("the hub's certificate is new", func() { issue(t, a, hub, "hub", "hub-1", time.Hour) })
	step("the edge's certificate is new", func() { issue(t, a, edge, "edge", "edge-1", time.Hour) })
	outdated(0)
	step("finish", func() {
		if a, err = ca.Load(authority); err != nil { // another process may finish it
			t.Fatal(err)
		}
		if err := a.FinishRotation(); err != nil {
			t.Fatal(err)
		}
		spread(t, authority, hub, edge)
	})
	if n := len(a.Certificates()); n != 1 || a.Rotating() {
		t.Errorf("%d authorities are left", n)
	}
	keys, err := os.ReadFile(filepath.Join(authority, ca.FileCAKey))
	if err != nil || strings.Count(string(keys), "BEGIN") != 1 {
		t.Errorf("the old key is still there: %v", err)
	}
}

// Files that can't be used leave what was read before in use, and are complained of once.
func TestReloadKeepsWhatIsGood(t *testing.T) {
	dir := t.TempDir()
	a, err := ca.Create(dir+"/ca", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issue(t, a, dir+"/hub", "hub", "hub-1", time.Hour)
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	h, err := ca.Open(ca.Config{Dir: dir + "/hub", Role: ca.Hub, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Register(registry); err != nil {
		t.Fatal(err)
	}
	stranger, err := ca.Create(dir+"/other", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issue(t, stranger, dir+"/other-hub", "hub", "hub-1", time.Hour)
	for name, damage := range map[string]func() error{
		"half copied":       func() error { return os.WriteFile(dir+"/hub/hub.pem", []byte("-----BEGIN CERT"), 0o600) },
		"gone":              func() error { return os.Remove(dir + "/hub/hub.pem") },
		"another authority": func() error { return os.Rename(dir+"/other-hub/ca.pem", dir+"/hub/ca.pem") },
	} {
		log.Reset()
		good := files(t, dir+"/hub")
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := h.Reload(); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		if n := strings.Count(log.String(), "can't be used"); n != 1 {
			t.Errorf("%s: %d lines of log", name, n)
		}
		if got := shake(t, h.Client("x/1", ca.Name{Role: ca.Hub}), h.Server("x/1", ca.Hub)); got.client != nil || got.server != nil {
			t.Errorf("%s: %+v", name, got)
		}
		for file, content := range good {
			if err := os.WriteFile(filepath.Join(dir, "hub", file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.Reload(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	metricstest.Described(t, registry)
	if n := testutil.CollectAndCount(registry, "weir_certificate_days_left"); n != 2 {
		t.Errorf("%d certificates have a metric, want the node's and the authority's", n)
	}
}

func TestExpiryIsWarnedOf(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a, err := ca.Create(dir+"/ca", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		issue(t, a, dir+"/edge", "edge", "edge-1", 31*24*time.Hour)
		var log bytes.Buffer
		e, err := ca.Open(ca.Config{Dir: dir + "/edge", Role: ca.Edge, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if log.Len() > 0 {
			t.Errorf("a warning too early: %s", log.String())
		}
		done := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		go func() { defer close(done); e.Watch(ctx) }()
		<-time.After(3 * 24 * time.Hour)
		synctest.Wait()
		n := strings.Count(log.String(), "weir://edge/edge-1")
		stop()
		<-done
		if n < 3 || n > 5 || !strings.Contains(log.String(), "weir ca issue") {
			t.Errorf("%d warnings in the two days after the 30th before: %s", n, log.String())
		}
	})
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	a, err := ca.Create(dir+"/ca", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issue(t, a, dir+"/edge", "edge", "edge-1", time.Hour)
	if err := os.Rename(dir+"/edge/edge.pem", dir+"/edge/hub.pem"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir+"/edge/edge-key.pem", dir+"/edge/hub-key.pem"); err != nil {
		t.Fatal(err)
	}
	if _, err := ca.Open(ca.Config{Dir: dir + "/edge", Role: ca.Hub}); !errors.Is(err, ca.ErrRole) {
		t.Errorf("an edge's certificate as a hub's: %v", err)
	}
	var e *ca.Error
	if _, err := ca.Open(ca.Config{Dir: dir + "/edge", Role: ca.Edge}); !errors.As(err, &e) || !strings.Contains(e.Hint, "weir ca issue edge") {
		t.Errorf("missing: %v", err)
	}
}
