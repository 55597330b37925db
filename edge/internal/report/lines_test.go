package report

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"weir/edge/internal/filterlog"
	"weir/edge/internal/metrics"
	"weir/edge/internal/sieve"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// startTalking is start with something that is said.
func startTalking(t *testing.T) (*bench, *filterlog.Voice) {
	t.Helper()
	m, err := metrics.New(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{hub: &fakeHub{calls: map[string]uint64{}}}
	log := filterlog.New()
	b.Reporter = Start(Config{
		Hub: b.hub, Host: "edge-1", Logger: slog.New(slog.NewTextHandler(&b.log, nil)), Metrics: m, Lines: log.Reader(),
		Collect: func() []*weirpb.FilterReport { return nil },
	})
	return b, log.Voice(sieve.ID{Tenant: "acme", Name: "f", Version: 1})
}

// said returns the numbers of the lines that the hub was told, report by report.
func (b *bench) said() (all []uint64) {
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	for _, r := range b.hub.reports {
		for _, line := range r.GetLines() {
			all = append(all, line.GetNumber())
		}
	}
	return all
}

func TestLinesAreSaidWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, voice := startTalking(t)
		defer b.Close()
		voice.Said("chat", "one")
		time.Sleep(lineInterval + time.Millisecond)
		voice.LeftOut()
		voice.Said("chat", "three")
		time.Sleep(lineInterval)
		if got := fmt.Sprint(b.said()); got != "[1 3]" || len(b.hub.reports) != 2 {
			t.Errorf("said is %s in %d reports", got, len(b.hub.reports))
		}
		for i, r := range b.hub.reports {
			if r.GetNumber() != uint64(i+1) || r.GetBegins() != (i == 0) {
				t.Errorf("report %d is %v", i, r)
			}
		}
	})
}

func TestLinesWaitForAHubThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, voice := startTalking(t)
		defer b.Close()
		b.hub.fail(fault.New(fault.Unavailable, "away"))
		voice.Said("", "one")
		time.Sleep(3*lineInterval + time.Millisecond)
		voice.Said("", "two")
		b.hub.fail(nil)
		time.Sleep(lineInterval)
		if got := fmt.Sprint(b.said()); got != "[1 2]" {
			t.Errorf("said is %s", got)
		}
	})
}

func TestAllLinesThatAreKeptAreSaidToWhoHasMissedSome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, voice := startTalking(t)
		defer b.Close()
		voice.Said("", "one")
		time.Sleep(interval + time.Millisecond)
		b.hub.fail(fault.New(fault.NotFound, "report 2 was missed"))
		voice.Said("", "two")
		time.Sleep(lineInterval)
		b.hub.mu.Lock()
		b.hub.err, b.hub.reports = nil, nil
		b.hub.mu.Unlock()
		time.Sleep(lineInterval)
		if got := fmt.Sprint(b.said()); got != "[1 2]" || !b.hub.reports[0].GetBegins() {
			t.Errorf("said is %s", got)
		}
	})
}

func TestManyLinesAreSaidInFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, voice := startTalking(t)
		defer b.Close()
		for range 400 {
			voice.Said("chat", fmt.Sprintf("%0256d", 7))
		}
		time.Sleep(lineInterval + time.Millisecond)
		if n := len(b.said()); n != mostLines {
			t.Errorf("%d lines are said at a time", n)
		}
		time.Sleep(lineInterval)
		if n := len(b.said()); n != 400 {
			t.Errorf("%d lines are said", n)
		}
		for _, r := range b.hub.reports {
			if n := proto.Size(r); n > 16<<10 {
				t.Errorf("a report has %d bytes", n)
			}
		}
	})
}
