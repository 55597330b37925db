package mirror

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"weir/edge/internal/fakefilter"
	"weir/edge/internal/fakehub"
	"weir/edge/internal/metrics"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var discard = slog.New(slog.NewTextHandler(io.Discard, nil))

func newMetrics(t *testing.T) *metrics.Metrics {
	t.Helper()
	m, err := metrics.New(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMirrorFollowsAndOutlivesTheHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := fakehub.New()
		hub.SetDown(true)
		m := New(hub, discard, newMetrics(t))
		var seen atomic.Pointer[State]
		m.Start(func(s *State) { seen.Store(s) })
		defer m.Close()
		short, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := m.Ready(short); !errors.Is(err, context.DeadlineExceeded) || m.State().HasTenant("acme") {
			t.Fatalf("ready without a hub: %v", err)
		}
		hub.SetDown(false)
		if err := m.Ready(t.Context()); err != nil || !m.State().HasTenant("acme") {
			t.Fatalf("ready: %v", err)
		}
		hub.SetDown(true)
		synctest.Wait()
		if !m.State().HasTenant("acme") {
			t.Errorf("the state is forgotten with the hub")
		}
		hub.Put(&weirpb.Tenant{Name: "newcomer"})
		hub.Drop(&weirpb.Tenant{Name: "acme"})
		hub.SetDown(false)
		time.Sleep(2 * retryLongest)
		synctest.Wait()
		if s := seen.Load(); !s.HasTenant("newcomer") || s.HasTenant("acme") || s != m.State() {
			t.Errorf("the state after the hub came back is not the hub's")
		}
		hub.Put(&weirpb.Tenant{Name: "later"})
		synctest.Wait()
		if !m.State().HasTenant("later") || !m.State().HasTenant("newcomer") {
			t.Errorf("a change is not in the state")
		}
	})
}

// TestAnOutageIsTwoLines has the hub be away for minutes.
func TestAnOutageIsTwoLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := fakehub.New()
		var said strings.Builder // written by one goroutine, read while it waits
		m := New(hub, slog.New(slog.NewTextHandler(&said, nil)), newMetrics(t))
		hub.SetDown(true)
		m.Start(func(*State) {})
		defer m.Close()
		for i, want := range []string{"no control state yet", "control state lost"} {
			time.Sleep(3 * time.Minute)
			synctest.Wait()
			if text := said.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, want) {
				t.Errorf("outage %d:\n%s", i+1, text)
			}
			hub.SetDown(false)
			time.Sleep(2 * retryLongest)
			synctest.Wait()
			if text := said.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "followed again") {
				t.Errorf("after outage %d:\n%s", i+1, text)
			}
			said.Reset()
			hub.SetDown(true)
		}
	})
}

// A volume is a module that knows whether it is closed.
type volume struct {
	fakefilter.Range
	closed atomic.Bool
}

func (v *volume) Close() error {
	v.closed.Store(true)
	return nil
}

// A library opens modules and remembers them.
type library struct {
	opened []*volume
	err    error
}

func (l *library) open(context.Context, *weirpb.FilterVersion, []byte) (Module, error) {
	if l.err != nil {
		return nil, l.err
	}
	v := &volume{}
	l.opened = append(l.opened, v)
	return v, nil
}

// shelved runs a test with a shelf over a hub that has the filters a, b and c.
func shelved(t *testing.T, f func(t *testing.T, hub *fakehub.Hub, l *library, s *Shelf, version func(string) *weirpb.FilterVersion)) {
	synctest.Test(t, func(t *testing.T) {
		hub := fakehub.New()
		for _, name := range []string{"a", "b", "c"} {
			hub.PutFilter("acme", name, []byte("module "+name), "project")
		}
		mirror := New(hub, discard, newMetrics(t))
		mirror.Start(func(*State) {})
		defer mirror.Close()
		if err := mirror.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		l := &library{}
		s := NewShelf(hub, l.open, discard, newMetrics(t))
		defer s.Close()
		f(t, hub, l, s, func(name string) *weirpb.FilterVersion {
			v, f := mirror.State().FilterVersion("acme", name, 0)
			if f != nil {
				t.Fatal(f)
			}
			return v
		})
	})
}

func TestShelfOpensOnceAndKeeps(t *testing.T) {
	shelved(t, func(t *testing.T, _ *fakehub.Hub, l *library, s *Shelf, version func(string) *weirpb.FilterVersion) {
		one, err := s.Take(t.Context(), version("a"))
		if err != nil {
			t.Fatal(err)
		}
		two, err := s.Take(t.Context(), version("a"))
		if err != nil || one != two || len(l.opened) != 1 || !one.Projects {
			t.Errorf("taken twice: %v, %d opened", err, len(l.opened))
		}
		s.Return(one)
		s.Return(two)
		if l.opened[0].closed.Load() {
			t.Errorf("closed though there is room")
		}
	})
}

func TestFullShelfLetsGoOfWhatIsUnused(t *testing.T) {
	shelved(t, func(t *testing.T, _ *fakehub.Hub, l *library, s *Shelf, version func(string) *weirpb.FilterVersion) {
		s.most = 2
		a, _ := s.Take(t.Context(), version("a"))
		b, _ := s.Take(t.Context(), version("b"))
		if _, err := s.Take(t.Context(), version("c")); fault.CodeOf(err) != fault.Busy {
			t.Errorf("a third in use: %v, want busy", err)
		}
		s.Return(b)
		if _, err := s.Take(t.Context(), version("c")); err != nil {
			t.Errorf("a third in place of an unused one: %v", err)
		}
		if l.opened[0].closed.Load() || !l.opened[1].closed.Load() {
			t.Errorf("it is not the unused one that was closed")
		}
		s.Return(a)
	})
}

func TestShelfTriesAgainAfterAFailure(t *testing.T) {
	shelved(t, func(t *testing.T, hub *fakehub.Hub, l *library, s *Shelf, version func(string) *weirpb.FilterVersion) {
		a := version("a")
		hub.SetDown(true)
		if _, err := s.Take(t.Context(), a); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("hub down: %v, want unavailable", err)
		}
		hub.SetDown(false)
		l.err = fault.New(fault.ModuleInvalid, "no module")
		if _, err := s.Take(t.Context(), a); fault.CodeOf(err) != fault.ModuleInvalid {
			t.Errorf("bad module: %v", err)
		}
		l.err = nil
		if _, err := s.Take(t.Context(), a); err != nil {
			t.Errorf("in the end: %v", err)
		}
		damaged := &weirpb.FilterVersion{Tenant: "acme", Name: "a", Version: 1, Digest: []byte("short")}
		if _, err := s.Take(t.Context(), damaged); err == nil {
			t.Errorf("a digest of 5 bytes is taken")
		}
	})
}

func TestShelfRetainsWhatTheStateHas(t *testing.T) {
	shelved(t, func(t *testing.T, _ *fakehub.Hub, l *library, s *Shelf, version func(string) *weirpb.FilterVersion) {
		a, err := s.Take(t.Context(), version("a"))
		if err != nil {
			t.Fatal(err)
		}
		s.Retain(&State{})
		if !l.opened[0].closed.Load() {
			t.Errorf("the filter of a tenant that is gone is open")
		}
		s.Return(a) // of what is no longer there: nothing happens
	})
}
