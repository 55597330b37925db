package hub

import (
	"sync"
	"time"

	"weir/proto/weirpb"
)

// A progress is how far a transfer to this node is. It is safe for concurrent use.
type progress struct {
	mu          sync.Mutex
	from        string // "" for none; guarded by mu
	done, total uint64 // guarded by mu
	began       time.Time
}

func (p *progress) begin(from string, total uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.from, p.done, p.total, p.began = from, 0, total, time.Now()
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.from = ""
}

// add counts bytes and returns for how long to wait, so that no more than borrowRate come in a second.
func (p *progress) add(n uint64) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	due := time.Duration(float64(p.done) / borrowRate * float64(time.Second))
	return max(0, due-time.Since(p.began))
}

// get returns how far it is, nil if nothing is under way.
func (p *progress) get() *weirpb.Transfer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.from == "" {
		return nil
	}
	t := &weirpb.Transfer{From: p.from, DoneBytes: p.done, TotalBytes: p.total}
	if took := time.Since(p.began).Seconds(); took > 0 {
		t.BytesPerSecond = uint64(float64(p.done) / took)
	}
	return t
}
