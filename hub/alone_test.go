package hub

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"weir/hub/internal/raftlog"
	"weir/hub/internal/store"
	"weir/proto/fault"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

// A loner is a node that is alone, and what it has acknowledged.
type loner struct {
	t        *testing.T
	cfg      Config
	producer string
	count    uint64
	events   []*weirpb.Event
}

// newLoner makes a folder with acknowledged events, some of them after the last snapshot.
func newLoner(t *testing.T, snapshot bool) *loner {
	l := &loner{t: t, cfg: Config{Dir: t.TempDir(), Shards: 1, trailing: 4, Logger: testLogger()}}
	l.producer = producer.New(time.Now(), rand.Reader)
	h := withTenant(t, l.cfg)
	l.publish(h, 30)
	if snapshot {
		for _, g := range h.groups {
			if err := g.replica.Snapshot(); err != nil {
				t.Fatal(err)
			}
		}
		if first := chatGroup(h).replica.First(); first <= 1 {
			t.Fatal("the log has not been cut: ", first)
		}
	}
	l.publish(h, 10)
	l.events = l.history(h)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *loner) publication(sequence uint64) *weirpb.Publication {
	return &weirpb.Publication{
		Channel: "chat:a", Payload: fmt.Appendf(nil, "event %d", sequence), Producer: l.producer, Sequence: sequence,
	}
}

func (l *loner) publish(h *Hub, n int) {
	l.t.Helper()
	for range n {
		l.count++
		if r := mustPublish(l.t, h, l.publication(l.count)); r.GetOffset() != l.count {
			l.t.Fatalf("publication %d has offset %d", l.count, r.GetOffset())
		}
	}
}

func (l *loner) history(h *Hub) []*weirpb.Event {
	l.t.Helper()
	page, err := h.History(testContext(l.t), &weirpb.HistoryRequest{Tenant: "acme", Channel: "chat:a", Limit: 1000})
	if err != nil {
		l.t.Fatal(err)
	}
	return page.GetEvents()
}

func (l *loner) files(pattern string) string { return filepath.Join(l.cfg.Dir, "groups", pattern) }

// list returns the names of the tables and manifests in the folder of the group that is damaged.
func (l *loner) list() (all []string) {
	l.t.Helper()
	err := filepath.WalkDir(l.files("1"), func(path string, _ os.DirEntry, err error) error {
		if name := filepath.Base(path); strings.HasSuffix(name, ".sst") || strings.HasPrefix(name, "MANIFEST") {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return all
}

// intact checks that nothing acknowledged has been lost, and that retries are recognised.
func (l *loner) intact(h *Hub) {
	l.t.Helper()
	if diff := cmp.Diff(l.events, l.history(h)[:len(l.events)], protocmp.Transform()); diff != "" {
		l.t.Error("events are others (-before +now):\n", diff)
	}
	if r := mustPublish(l.t, h, l.publication(l.count)); !r.GetDuplicate() || r.GetOffset() != l.count {
		l.t.Errorf("a retry is answered with %v", r)
	}
	l.publish(h, 3)
	if left, err := filepath.Glob(l.files("*.rebuild")); err != nil || len(left) > 0 {
		l.t.Error("something is still to be rebuilt: ", left, err)
	}
}

// TestLoneNodeRebuildsItsState damages the state of a node that is alone while it is down.
func TestLoneNodeRebuildsItsState(t *testing.T) {
	t.Parallel()
	for _, snapshot := range []bool{false, true} {
		for _, group := range []string{"0", "1"} {
			t.Run(fmt.Sprint("group ", group, ", snapshot ", snapshot), func(t *testing.T) {
				t.Parallel()
				l := newLoner(t, snapshot)
				flip(t, l.files(group+"/state/MANIFEST*"))
				h := openHub(t, l.cfg)
				l.intact(h)
				if n := setAside(t, h); n != 1 {
					t.Errorf("%d folders have been set aside", n)
				}
				if err := h.Close(); err != nil {
					t.Fatal(err)
				}
				l.intact(openHub(t, l.cfg)) // with what is on disk now
			})
		}
	}
}

// TestLoneNodeRefusesWhatIsIncomplete damages the state and what it could be rebuilt from.
func TestLoneNodeRefusesWhatIsIncomplete(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		called   string
		snapshot bool
		damage   func(l *loner)
		says     string
	}{
		{"the snapshot", true, func(l *loner) { flip(t, l.files("1/snapshots/*/state/MANIFEST*")) }, "the snapshot is corrupt too"},
		{"the log", true, func(l *loner) { flip(t, l.files("1/log/*.wal")) }, "the log of group 1 is corrupt"},
		{"no snapshot", true, func(l *loner) {
			kept, err := filepath.Glob(l.files("1/snapshots/*-*"))
			if err != nil || len(kept) != 1 || os.RemoveAll(kept[0]) != nil {
				l.t.Fatal(kept, err)
			}
		}, "no snapshot of what was before"},
	} {
		t.Run(x.called, func(t *testing.T) {
			t.Parallel()
			l := newLoner(t, x.snapshot)
			l.t = t
			flip(t, l.files("1/state/MANIFEST*"))
			x.damage(l)
			before := l.list()
			for range 2 {
				_, err := Open(testContext(t), l.cfg)
				if f := fault.From(err); f.Code != fault.Unavailable || !strings.Contains(f.Message, x.says) || !strings.Contains(f.Hint, "weir hub restore FILE --data DIR") {
					t.Fatalf("it opens with %v", err)
				}
			}
			if diff := cmp.Diff(before, l.list()); diff != "" {
				t.Error("it has changed what was there:\n", diff)
			}
		})
	}
}

// TestLoneNodeRebuildsWhatItComesUpon has a node that is alone find its state corrupt while it serves: by a reader, and by
// its machine, which can't go on.
func TestLoneNodeRebuildsWhatItComesUpon(t *testing.T) {
	t.Parallel()
	for what, strike := range map[string]func(g *group){
		"reader":  func(g *group) { g.suspect(errRow) },
		"machine": func(g *group) { g.stopped(errRow) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			l := newLoner(t, true)
			h := openHub(t, l.cfg)
			g := chatGroup(h)
			strike(g)
			c := &cluster{t: t}
			c.eventually("it is set aside", func() bool { return setAside(t, h) == 1 })
			c.eventually("it is rebuilt", func() bool { return g.ailing() == "" && g.lead.leads() && !g.examination.held.Load() })
			l.intact(h)
			if err := g.replica.Snapshot(); err != nil {
				t.Error("no snapshot can be made any more: ", err)
			}
		})
	}
}

// TestLoneNodeServesWhatItCan has a reader find the state corrupt where it can't be rebuilt: all else goes on. The machine can't.
func TestLoneNodeServesWhatItCan(t *testing.T) {
	t.Parallel()
	l := newLoner(t, true)
	h := openHub(t, l.cfg)
	g := chatGroup(h)
	flip(t, l.files("1/snapshots/*/state/MANIFEST*"))
	g.suspect(errRow)
	c := &cluster{t: t}
	c.eventually("it has looked", func() bool { return g.examination.at.Load() != 0 })
	l.intact(h)
	if n := setAside(t, h); n != 0 {
		t.Errorf("%d folders have been set aside", n)
	}
	g.stopped(errRow)
	if err := h.Wait(testContext(t)); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("it ends with %v", err)
	}
}

// TestLoneNodeGoesOnRebuilding has the process end after the state has been set aside.
func TestLoneNodeGoesOnRebuilding(t *testing.T) {
	t.Parallel()
	l := newLoner(t, true)
	h := openHub(t, l.cfg)
	g := chatGroup(h)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := g.quarantine.Begin("state", &store.CorruptError{Reason: "it is a test"}, 0, h.config.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := g.quarantine.SetAside(h.config.Now()); err != nil {
		t.Fatal(err)
	}
	l.intact(openHub(t, l.cfg))
}

// TestLoneNodeThatLosesItsLogStops has the log be found corrupt while the node serves.
func TestLoneNodeThatLosesItsLogStops(t *testing.T) {
	t.Parallel()
	l := newLoner(t, false)
	h := openHub(t, l.cfg)
	chatGroup(h).replica.BreakDown(fmt.Errorf("it is a test: %w", raftlog.ErrCorrupt))
	if err := h.Wait(testContext(t)); fault.CodeOf(err) != fault.Unavailable || setAside(t, h) != 0 {
		t.Errorf("it ends with %v", err)
	}
}
