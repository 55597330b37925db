package hub

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"weir/hub/internal/datadir"
	"weir/proto/weirpb"
)

// A verification is the reading of all that this node has of a group. It is safe for concurrent use.
type verification struct {
	mu          sync.Mutex
	done, total uint64    // guarded by mu; total is 0 while nothing is read
	finished    time.Time // of the last one that found nothing; guarded by mu
	damaged     time.Time // of the last one that found damage; guarded by mu
	due         time.Time // guarded by mu
	asked       bool      // whether somebody has asked for it, and it has not been read since; guarded by mu
}

// verified is the file in a group's folder that remembers the last reading.
type verified struct {
	Finished time.Time `json:"finished"`
}

func (g *group) verifiedFile() string { return filepath.Join(g.dir, "verified.json") }

// loadVerified reads when the group was read last, and says when it is to be next.
func (g *group) loadVerified() {
	every := g.hub.config.VerifyEvery
	v := &g.verification
	var last verified
	content, err := os.ReadFile(g.verifiedFile())
	if err == nil {
		err = json.Unmarshal(content, &last)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		g.log.Warn("it can't be told when the group was verified last", "error", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.finished = last.Finished
	if now := time.Now(); v.finished.After(now) { // the clock was ahead
		v.finished = now
	}
	if v.finished.IsZero() {
		v.due = time.Now().Add(jittered(every / firstShare))
		return
	}
	v.due = v.finished.Add(jittered(every))
}

// jittered makes a time up to an eighth shorter, so that nodes and groups do not do things at once.
func jittered(d time.Duration) time.Duration {
	if d <= 0 {
		return d
	}
	return d - time.Duration(rand.Int64N(int64(d/8)+1))
}

func (v *verification) get() *weirpb.Verification {
	v.mu.Lock()
	defer v.mu.Unlock()
	return &weirpb.Verification{
		DoneBytes: min(v.done, v.total), TotalBytes: v.total, FinishedMs: millis(v.finished), DamagedMs: millis(v.damaged),
	}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// ask has the group be read as soon as it can be, whenever it is due.
func (v *verification) ask() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked = true
}

// isDue reports whether the group is to be read, of itself every so often; 0 and less: only when somebody has asked for it.
func (v *verification) isDue(now time.Time, every time.Duration) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.asked || every > 0 && !now.Before(v.due)
}

func (v *verification) begin(total uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.done, v.total = 0, max(1, total)
}

func (v *verification) add(n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.done += uint64(n)
}

// end says how it ended, and when the next one is due: soon if it was interrupted.
func (v *verification) end(sound, damaged bool, now time.Time, every time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.done, v.total = 0, 0
	v.asked = v.asked && !sound && !damaged
	switch {
	case sound:
		v.finished, v.due = now, now.Add(jittered(every))
	case damaged:
		v.damaged, v.due = now, now.Add(jittered(every/firstShare))
	default:
		v.due = now.Add(jittered(every / firstShare))
	}
}

func (g *group) noteVerified(now time.Time) error {
	content, err := json.Marshal(verified{now.UTC()})
	if err != nil {
		return err
	}
	return datadir.WriteFile(g.verifiedFile(), append(content, '\n'), 0o600)
}
