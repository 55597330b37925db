package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A line is what `weir sub --json` prints for one thing that happened.
type line struct {
	Type    string          `json:"type"`
	Channel string          `json:"channel"`
	Epoch   uint64          `json:"epoch"`
	Offset  uint64          `json:"offset"`
	Time    time.Time       `json:"time"`
	Key     string          `json:"key"`
	Payload json.RawMessage `json:"payload"`
	From    uint64          `json:"from"`
	To      uint64          `json:"to"`
	Reason  string          `json:"reason"`
	Skipped uint64          `json:"skipped"`
}

// A recorder keeps everything that one `weir sub --json` prints.
type recorder struct {
	t   testing.TB
	cmd *exec.Cmd
	end chan struct{} // closed when the output has ended

	mu    sync.Mutex
	lines []line        // guarded by mu
	more  chan struct{} // closed and replaced when lines grows; guarded by mu
}

// record starts `weir sub CHANNEL --json` with further flags in the server's folder.
func record(s *server, channel string, flags ...string) *recorder {
	s.t.Helper()
	r := &recorder{t: s.t, end: make(chan struct{}), more: make(chan struct{})}
	r.cmd = exec.Command(binary, append([]string{"sub", channel, "--json"}, flags...)...)
	r.cmd.Dir = s.Dir
	r.cmd.Stderr = s.log
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go r.read(out)
	s.t.Cleanup(r.stop)
	return r
}

func (r *recorder) read(out io.Reader) {
	defer close(r.end)
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20) // the longest payload, in JSON
	for scanner.Scan() {
		var l line
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			r.t.Errorf("weir sub printed %q: %v", scanner.Bytes(), err)
			return
		}
		r.mu.Lock()
		r.lines = append(r.lines, l)
		close(r.more)
		r.more = make(chan struct{})
		r.mu.Unlock()
	}
}

func (r *recorder) stop() {
	_ = r.cmd.Process.Kill()
	<-r.end
	_ = r.cmd.Wait()
}

// await waits until enough holds for what has been recorded and returns that.
func (r *recorder) await(what string, enough func([]line) bool) []line {
	r.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		r.mu.Lock()
		lines, more := r.lines[:len(r.lines):len(r.lines)], r.more
		r.mu.Unlock()
		if enough(lines) {
			return lines
		}
		select {
		case <-more:
		case <-r.end:
			r.t.Fatalf("weir sub ended before %s, after %d lines", what, len(lines))
		case <-timeout.C:
			r.t.Fatalf("waited 30 s for %s; %d lines so far", what, len(lines))
		}
	}
}

// until waits for an offset of the recorder's channel and returns all lines up to it.
func (r *recorder) until(offset uint64) []line {
	r.t.Helper()
	reached := func(lines []line) bool {
		return len(lines) > 0 && lines[len(lines)-1].Offset > offset && lines[len(lines)-1].Type != "snapshot"
	}
	all := r.await("an offset", reached)
	for i, l := range all {
		if l.Type != "snapshot" && l.Offset > offset {
			return all[:i]
		}
	}
	return all
}
