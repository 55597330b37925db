package hub

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/hub/backup"
	"weir/hub/internal/placement"
	"weir/hub/internal/store"
	"weir/proto/fault"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

// archiveOf backs a region up and verifies the archive.
func archiveOf(t testing.TB, h *Hub) ([]byte, *backup.Manifest) {
	t.Helper()
	var b bytes.Buffer
	written, err := h.Backup(testContext(t), &b)
	if err != nil {
		t.Fatal(err)
	}
	m, err := backup.Verify(bytes.NewReader(b.Bytes()), nil)
	if err != nil {
		t.Fatal(err)
	}
	if m.SHA256 != written.SHA256 {
		t.Errorf("%s is verified, %s written", m.SHA256, written.SHA256)
	}
	if _, err := os.Stat(filepath.Join(h.dir.Path, checkpointFolder)); !os.IsNotExist(err) {
		t.Errorf("the checkpoints are there still: %v", err)
	}
	return b.Bytes(), m
}

func restoreTo(t testing.TB, archive []byte, dir, node string) {
	t.Helper()
	_, err := backup.Restore(t.Context(), bytes.NewReader(archive), backup.Target{Dir: dir, NodeID: node})
	if err != nil {
		t.Fatal(err)
	}
}

// rowsOf lists the rows of a group as they are stored, but for what a new region has of its own: its log's index, its nodes
// and its first key.
func rowsOf(t testing.TB, g *group) map[string]string {
	t.Helper()
	rows := map[string]string{}
	err := g.store.ViewSnapshot(func(r store.Reader) error {
		return r.ScanSealed(func(key, value []byte) error {
			switch {
			case key[0] == store.OfReplica, slices.Contains([]string{"Ci", "Co", "Ca"}, string(key[:2])):
			default:
				rows[string(key)] = string(value)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// A load is a publisher with an identity of its own.
type load struct {
	t       testing.TB
	channel string
	who     string
	send    func(p *weirpb.Publication) *weirpb.Receipt
	// receipts are those of the sequences from 1 on.
	receipts []*weirpb.Receipt
}

func newLoad(t testing.TB, channel string, send func(p *weirpb.Publication) *weirpb.Receipt) *load {
	return &load{t: t, channel: channel, send: send, who: producer.New(time.Now(), bytes.NewReader(slices.Repeat([]byte(channel), 16)))}
}

func (l *load) publication(sequence int) *weirpb.Publication {
	p := &weirpb.Publication{
		Channel: l.channel, Producer: l.who, Sequence: uint64(sequence), Payload: fmt.Appendf(nil, "%s %d", l.channel, sequence),
		ContentType: "text/plain", Headers: []*weirpb.Header{{Name: "n", Value: fmt.Sprint(sequence)}},
	}
	if strings.HasPrefix(l.channel, "map") {
		p.Key = fmt.Sprint(sequence % 11)
		if sequence%5 == 0 {
			p.Tombstone, p.Payload = true, nil
		}
	}
	return p
}

func (l *load) publish(n int) {
	for range n {
		l.receipts = append(l.receipts, l.send(l.publication(len(l.receipts)+1)))
	}
}

// retry publishes one of the first again and compares what it is told.
func (l *load) retry(sequence int, send func(p *weirpb.Publication) *weirpb.Receipt) {
	l.t.Helper()
	first, again := l.receipts[sequence-1], send(l.publication(sequence))
	if !again.GetDuplicate() || again.GetOffset() != first.GetOffset() || again.GetEpoch() != first.GetEpoch() {
		l.t.Errorf("%s: publication %d got %v, and again %v", l.channel, sequence, first, again)
	}
}

// fillThree publishes to channels of three namespaces, of which "short" keeps little.
func fillThree(t testing.TB, send func(p *weirpb.Publication) *weirpb.Receipt) []*load {
	var all []*load
	for _, channel := range []string{"chat:a", "chat:b", "chat:c", "map:a", "map:b", "short:a", "short:b"} {
		l := newLoad(t, channel, send)
		l.publish(40)
		all = append(all, l)
	}
	return all
}

func shortNamespace() *weirpb.Namespace {
	return &weirpb.Namespace{Tenant: "acme", Name: "short", WindowCount: 16}
}

// TestBackupIsRestoredByteForByte backs a region of three up while it is written to, and restores it to one node and to
// three.
func TestBackupIsRestoredByteForByte(t *testing.T) {
	c := newCluster(t, 3, 2)
	c.startAll()
	c.withTenant()
	c.retried("create a namespace", func(h *Hub) error {
		_, err := h.PutNamespace(testContext(t), &weirpb.PutNamespaceRequest{Namespace: shortNamespace()})
		return err
	})
	loads := fillThree(t, c.publish)

	var live bytes.Buffer
	done := make(chan error, 1)
	go func() {
		_, err := c.nodes["hub-2"].Backup(testContext(t), &live)
		done <- err
	}()
	extra := newLoad(t, "chat:busy", c.publish)
	var err error
	for busy := true; busy; {
		extra.publish(1)
		select {
		case err = <-done:
			busy = false
		default:
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := backup.Verify(&live, nil)
	if err != nil || m.Node != "hub-2" || m.Shards != 2 || m.Events() < 3*40+2*15 {
		t.Errorf("the backup under load is %+v, %v", m, err)
	}

	archive, _ := archiveOf(t, c.nodes["hub-3"])
	want := map[placement.Group]map[string]string{}
	for _, g := range c.nodes["hub-3"].groups {
		want[g.id] = rowsOf(t, g)
	}
	c.close()

	t.Run("one node", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "data")
		restoreTo(t, archive, dir, "alone")
		h := openHub(t, Config{Dir: dir, NodeID: "alone"})
		if h.region.ID == m.Region {
			t.Error("the region is the same")
		}
		checkRows(t, h, want)
		checkRetries(t, loads, func(p *weirpb.Publication) *weirpb.Receipt { return mustPublish(t, h, p) })
		key, err := os.ReadFile(filepath.Join(dir, adminKeyFile))
		if err != nil {
			t.Fatal(err)
		}
		if who, err := h.Authenticate(strings.TrimSpace(string(key))); err != nil || !who.Operator {
			t.Errorf("the new operator's key is of %+v, %v", who, err)
		}
	})
	t.Run("three nodes", func(t *testing.T) {
		n := newCluster(t, 0, 0)
		restoreTo(t, archive, filepath.Join(n.dir, "new-1"), "new-1")
		n.start("new-1")
		n.ready()
		for _, name := range []string{"new-2", "new-3"} {
			cfg := n.config(name)
			cfg.Join = []string{"new-1"}
			h, err := Open(context.Background(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			n.nodes[name] = h
		}
		n.ready()
		for _, name := range n.names() {
			checkRows(t, n.nodes[name], want)
		}
		n.stop("new-1") // the two that joined have everything
		n.ready()
		checkRetries(t, loads, n.publish)
	})
}

func checkRows(t *testing.T, h *Hub, want map[placement.Group]map[string]string) {
	t.Helper()
	for _, g := range h.groups {
		if got := rowsOf(t, g); !maps.Equal(got, want[g.id]) {
			t.Errorf("%s: group %d has %d rows, not the %d of the backup", h.node.Name, g.id, len(got), len(want[g.id]))
		}
	}
}

// checkRetries makes sure that what was accepted before is recognised, and that offsets and sequences go on.
func checkRetries(t *testing.T, loads []*load, send func(p *weirpb.Publication) *weirpb.Receipt) {
	t.Helper()
	for _, l := range loads {
		l.retry(1, send)
		l.retry(len(l.receipts), send)
		last, next := l.receipts[len(l.receipts)-1], send(l.publication(len(l.receipts)+1))
		if next.GetDuplicate() || next.GetOffset() != last.GetOffset()+1 || next.GetEpoch() != last.GetEpoch() {
			t.Errorf("%s: after %v comes %v", l.channel, last, next)
		}
	}
}

func TestOneBackupAtATime(t *testing.T) {
	h := withTenant(t, Config{})
	at, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	done := make(chan error, 1)
	go func() {
		_, err := h.Backup(testContext(t), writerFunc(func(p []byte) (int, error) {
			once.Do(func() { close(at); <-goOn })
			return len(p), nil
		}))
		done <- err
	}()
	<-at
	if _, err := h.Backup(testContext(t), writerFunc(nil)); fault.CodeOf(err) != fault.Busy {
		t.Errorf("another one: %v", err)
	}
	mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Payload: []byte("meanwhile")})
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestBackupNeedsTheLeaders(t *testing.T) {
	c := newCluster(t, 3, 1)
	c.startAll()
	c.withTenant()
	c.net.Part([]string{"hub-2"}, []string{"hub-1", "hub-3"})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var b bytes.Buffer
	_, err := c.nodes["hub-2"].Backup(ctx, &b)
	if code := fault.CodeOf(err); code != fault.Unavailable || b.Len() > 0 {
		t.Errorf("a node that is cut off writes %d bytes, %v", b.Len(), err)
	}
}

func TestBackupEndsWithTheHub(t *testing.T) {
	h := withTenant(t, Config{})
	for range 300 {
		mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Payload: bytes.Repeat([]byte("x"), 10_000)})
	}
	var b bytes.Buffer
	var once sync.Once
	_, err := h.Backup(testContext(t), writerFunc(func(p []byte) (int, error) {
		once.Do(func() { h.fail(fmt.Errorf("the test says so")) })
		return b.Write(p)
	}))
	if fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("the error is %v", err)
	}
	if _, err := backup.Verify(&b, nil); err == nil || !strings.Contains(err.Error(), "the hub has failed") {
		t.Errorf("the archive says %v", err)
	}
}

func TestLeftoverCheckpointsAreRemoved(t *testing.T) {
	dir := t.TempDir()
	h := openHub(t, Config{Dir: dir})
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, checkpointFolder, "1"), 0o700); err != nil {
		t.Fatal(err)
	}
	openHub(t, Config{Dir: dir})
	if _, err := os.Stat(filepath.Join(dir, checkpointFolder)); !os.IsNotExist(err) {
		t.Errorf("they are there still: %v", err)
	}
}
