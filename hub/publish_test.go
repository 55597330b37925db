package hub

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/proto/fault"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

func newProducer() string { return producer.New(time.Now(), rand.Reader) }

func TestPublicationsAreChecked(t *testing.T) {
	h := withTenant(t, Config{})
	putNamespace(t, h, &weirpb.Namespace{Tenant: "acme", Name: "large", PayloadBytes: 128 << 10})
	headers := func(n, size int) (all []*weirpb.Header) {
		for range n {
			all = append(all, &weirpb.Header{Name: "n", Value: strings.Repeat("v", size)})
		}
		return all
	}
	for _, c := range []struct {
		called string
		p      *weirpb.Publication
		want   fault.Code
	}{
		{"plain", &weirpb.Publication{Channel: "chat:a"}, ""},
		{"in the default namespace", &weirpb.Publication{Channel: "anything"}, ""},
		{"no channel", &weirpb.Publication{}, fault.ChannelInvalid},
		{"a bad channel", &weirpb.Publication{Channel: "chat room"}, fault.ChannelInvalid},
		{"no such namespace", &weirpb.Publication{Channel: "none:a"}, fault.NamespaceUnknown},
		{"the longest payload", &weirpb.Publication{Channel: "chat:a", Payload: make([]byte, 64<<10)}, ""},
		{"a longer payload", &weirpb.Publication{Channel: "chat:a", Payload: make([]byte, 64<<10+1)}, fault.PayloadTooLarge},
		{"the longest that can be allowed", &weirpb.Publication{Channel: "large:a", Payload: make([]byte, 128<<10)}, ""},
		{"the longest key", &weirpb.Publication{Channel: "chat:a", Key: strings.Repeat("k", 512)}, ""},
		{"a longer key", &weirpb.Publication{Channel: "chat:a", Key: strings.Repeat("k", 513)}, fault.KeyInvalid},
		{"a key of other bytes", &weirpb.Publication{Channel: "chat:a", Key: "\xff"}, fault.KeyInvalid},
		{"the most headers", &weirpb.Publication{Channel: "chat:a", Headers: headers(16, 63)}, ""},
		{"more headers", &weirpb.Publication{Channel: "chat:a", Headers: headers(17, 1)}, fault.InvalidArgument},
		{"larger headers", &weirpb.Publication{Channel: "chat:a", Headers: headers(16, 64)}, fault.InvalidArgument},
		{"a header without a name", &weirpb.Publication{Channel: "chat:a", Headers: []*weirpb.Header{{Value: "v"}}}, fault.InvalidArgument},
		{"a header of other bytes", &weirpb.Publication{Channel: "chat:a", Headers: []*weirpb.Header{{Name: "n", Value: "\xff"}}}, fault.InvalidArgument},
		{"the longest content type", &weirpb.Publication{Channel: "chat:a", ContentType: strings.Repeat("t", 128)}, ""},
		{"a longer content type", &weirpb.Publication{Channel: "chat:a", ContentType: strings.Repeat("t", 129)}, fault.InvalidArgument},
		{"a content type of other bytes", &weirpb.Publication{Channel: "chat:a", ContentType: "\xff"}, fault.InvalidArgument},
		{"an unknown ack", &weirpb.Publication{Channel: "chat:a", Ack: 7}, fault.InvalidArgument},
		{"a tombstone in a log", &weirpb.Publication{Channel: "chat:a", Key: "k", Tombstone: true}, fault.InvalidArgument},
		{"state", &weirpb.Publication{Channel: "map:a", Key: "k"}, ""},
		{"state without a key", &weirpb.Publication{Channel: "map:a"}, fault.KeyRequired},
		{"ephemeral state", &weirpb.Publication{Channel: "map:a", Key: "k", Ack: weirpb.Ack_ACK_NONE}, fault.EphemeralNotAllowed},
		{"a tombstone", &weirpb.Publication{Channel: "map:a", Key: "k", Tombstone: true}, ""},
		{"a tombstone with a payload", &weirpb.Publication{Channel: "map:a", Key: "k", Tombstone: true, Payload: []byte("x")}, fault.InvalidArgument},
		{"no producer's sequence", &weirpb.Publication{Channel: "chat:a", Sequence: 1}, fault.InvalidArgument},
		{"a producer without sequence", &weirpb.Publication{Channel: "chat:a", Producer: newProducer()}, fault.InvalidArgument},
		{"an invented producer", &weirpb.Publication{Channel: "chat:a", Producer: "me", Sequence: 1}, fault.InvalidArgument},
		{"ephemeral, with a sequence", &weirpb.Publication{Channel: "chat:a", Ack: weirpb.Ack_ACK_NONE, Sequence: 1}, ""},
		{"too late a producer", &weirpb.Publication{Channel: "chat:a", Producer: producer.New(time.Now().Add(-time.Hour), rand.Reader), Sequence: 1}, fault.ProducerExpired},
		{"a sequence too many", &weirpb.Publication{Channel: "chat:a", Producer: newProducer(), Sequence: 2}, fault.SequenceGap},
	} {
		r, err := publish(t, h, c.p)
		if fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %q", c.called, err, c.want)
		}
		if err == nil && r.GetEpoch() == 0 {
			t.Errorf("%s: the receipt is %v", c.called, r)
		}
	}
	answers := make(chan error, 1)
	h.Publish("nobody", &weirpb.Publication{Channel: "a"}, func(_ *weirpb.Receipt, err error) { answers <- err })
	if err := <-answers; fault.CodeOf(err) != fault.TenantUnknown {
		t.Errorf("an unknown tenant: %v", err)
	}
}

// TestPublisherOrderIsKept hands over publications without waiting: their order is that of the calls.
func TestPublisherOrderIsKept(t *testing.T) {
	h := withTenant(t, Config{})
	const publishers, each = 8, 500
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() {
			var done sync.WaitGroup
			last := uint64(0)
			for range each {
				done.Add(1)
				h.Publish("acme", &weirpb.Publication{Channel: "chat:a", Key: fmt.Sprint(p)}, func(r *weirpb.Receipt, err error) {
					defer done.Done()
					if err != nil || r.GetOffset() <= last {
						t.Errorf("publisher %d: %v after %d, %v", p, r, last, err)
					}
					last = r.GetOffset()
				})
			}
			done.Wait()
		})
	}
	all.Wait()
	c, err := h.GetChannel(testContext(t), &weirpb.GetChannelRequest{Tenant: "acme", Channel: "chat:a"})
	if err != nil || c.GetNextOffset() != publishers*each+1 {
		t.Errorf("the channel is %v, %v", c, err)
	}
}

// copyDir copies the data folder of a hub that is running: what a crash at this moment would leave, or less.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// crashVariable makes this test's binary the process that is killed.
const crashVariable = "WEIR_HUB_CRASH_DIR"

// TestCrashingHub is no test: TestKilledHubKeepsItsWord runs it in a process of its own, and kills that. It prints the
// offset of each publication that was acknowledged.
func TestCrashingHub(t *testing.T) {
	dir := os.Getenv(crashVariable)
	if dir == "" {
		t.Skip("runs as another test's process")
	}
	h := withTenant(t, Config{Dir: dir})
	from := newProducer()
	fmt.Println("producer", from)
	for n := uint64(1); ; n++ {
		r := mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Producer: from, Sequence: n, Payload: fmt.Appendf(nil, "%d", n)})
		fmt.Println("acknowledged", n, r.GetOffset(), r.GetEpoch())
	}
}

// TestKilledHubKeepsItsWord kills a hub's process amid publications. What was acknowledged is there afterwards, and every
// retry gets the offset of its first attempt.
func TestKilledHubKeepsItsWord(t *testing.T) {
	dir := t.TempDir()
	from, acknowledged := killed(t, dir)
	if acknowledged[len(acknowledged)-1].sequence < 100 {
		t.Fatalf("only %d publications were acknowledged", len(acknowledged))
	}
	h := openHub(t, Config{Dir: dir})
	for _, a := range acknowledged {
		r := mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Producer: from, Sequence: a.sequence})
		if !r.GetDuplicate() || r.GetOffset() != a.offset || r.GetEpoch() != a.epoch {
			t.Fatalf("publication %d got %d, its retry gets %v", a.sequence, a.offset, r)
		}
	}
	last := acknowledged[len(acknowledged)-1]
	page, err := h.History(testContext(t), &weirpb.HistoryRequest{Tenant: "acme", Channel: "chat:a", Limit: 1000})
	if err != nil || uint64(len(page.GetEvents())) < min(1000, last.offset) {
		t.Fatalf("of %d events %d are there, %v", last.offset, len(page.GetEvents()), err)
	}
	for i, e := range page.GetEvents() {
		if e.GetOffset() != uint64(i+1) || string(e.GetPayload()) != fmt.Sprint(i+1) {
			t.Fatalf("event %d is %v", i+1, e)
		}
	}
}

type acknowledgement struct{ sequence, offset, epoch uint64 }

// killed runs a hub in another process until it has acknowledged a few publications, and kills it.
func killed(t *testing.T, dir string) (from string, all []acknowledgement) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashingHub$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), crashVariable+"="+dir)
	out := &lines{enough: 300, reached: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-out.reached:
	case <-time.After(patience):
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	for line := range strings.Lines(out.String()) {
		var a acknowledgement
		if p, ok := strings.CutPrefix(line, "producer "); ok {
			from = strings.TrimSpace(p)
		} else if n, err := fmt.Sscanf(line, "acknowledged %d %d %d\n", &a.sequence, &a.offset, &a.epoch); n == 3 && err == nil {
			all = append(all, a)
		}
	}
	if from == "" || len(all) == 0 {
		t.Fatalf("the process said %q", out.String())
	}
	return from, all
}

// lines collects output and says when there is enough.
type lines struct {
	mu      sync.Mutex
	b       bytes.Buffer
	n       int
	enough  int
	reached chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.n
	l.n += bytes.Count(p, []byte("\n"))
	if before < l.enough && l.n >= l.enough {
		close(l.reached)
	}
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestEveryPublicationIsAnsweredOnceAtClose(t *testing.T) {
	dir := t.TempDir()
	h := withTenant(t, Config{Dir: dir})
	const n = 3000
	var mu sync.Mutex
	answered := make([]int, n)
	var accepted uint64
	var submitted sync.WaitGroup
	for w := range 4 {
		submitted.Go(func() {
			for i := w; i < n; i += 4 {
				h.Publish("acme", &weirpb.Publication{Channel: "chat:a"}, func(r *weirpb.Receipt, err error) {
					mu.Lock()
					defer mu.Unlock()
					answered[i]++
					if err == nil {
						accepted++
					} else if fault.CodeOf(err) != fault.Unavailable {
						t.Errorf("publication %d: %v", i, err)
					}
				})
			}
		})
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	submitted.Wait()
	for i, times := range answered {
		if times != 1 {
			t.Fatalf("publication %d is answered %d times", i, times)
		}
	}
	if _, err := publish(t, h, &weirpb.Publication{Channel: "chat:a"}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("after the end: %v", err)
	}
	h = openHub(t, Config{Dir: dir})
	c, err := h.GetChannel(testContext(t), &weirpb.GetChannelRequest{Tenant: "acme", Channel: "chat:a"})
	if err != nil || c.GetNextOffset() != accepted+1 {
		t.Errorf("%d were accepted, the channel is %v, %v", accepted, c, err)
	}
}

func TestCopyOfARunningFolderIsAHub(t *testing.T) {
	dir := t.TempDir()
	h := withTenant(t, Config{Dir: dir})
	for i := range 200 {
		mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Payload: fmt.Appendf(nil, "%d", i)})
		if i == 100 { // the state on disk is older than the log
			if err := errors.Join(chatGroup(h).store.Flush(), chatGroup(h).replica.Snapshot()); err != nil {
				t.Fatal(err)
			}
		}
	}
	again := openHub(t, Config{Dir: copyDir(t, dir)})
	r := mustPublish(t, again, &weirpb.Publication{Channel: "chat:a"})
	if r.GetOffset() != 201 {
		t.Errorf("the next offset is %d", r.GetOffset())
	}
}

func TestStateIsRebuiltFromTheSnapshotAndTheLog(t *testing.T) {
	dir := t.TempDir()
	h := withTenant(t, Config{Dir: dir})
	for i := range 100 {
		mustPublish(t, h, &weirpb.Publication{Channel: "chat:a"})
		if i == 50 {
			if err := chatGroup(h).replica.Snapshot(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(chatGroup(h).dir, "state")); err != nil {
		t.Fatal(err)
	}
	h = openHub(t, Config{Dir: dir})
	if r := mustPublish(t, h, &weirpb.Publication{Channel: "chat:a"}); r.GetOffset() != 101 {
		t.Errorf("the next offset is %d", r.GetOffset())
	}
}
