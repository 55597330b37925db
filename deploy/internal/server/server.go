// Package server runs weir as processes of their own, for tests and benchmarks that need to break or to measure them.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Build compiles weir into dir and returns the binary's path.
func Build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "weir")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "weir")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build weir: %w", err)
	}
	return binary, nil
}

// A Server is a command line that is run again and again. Its methods are for one goroutine at a time.
type Server struct {
	// Binary and Args are what runs, in Dir with Env beside this process's environment.
	Binary string
	Args   []string
	Dir    string
	Env    []string
	// Admin is the private address that says whether it is ready.
	Admin string
	// Log receives what it prints on its standard error, and Output what it prints otherwise; nil: so does Log.
	Log, Output io.Writer

	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has ended; nil before the first Start
}

// Start starts the process. It dies with this one, however that ends.
func (s *Server) Start() error {
	s.cmd = exec.Command(s.Binary, s.Args...)
	s.cmd.Dir, s.cmd.Env = s.Dir, append(os.Environ(), s.Env...)
	s.cmd.Stdout, s.cmd.Stderr = s.Output, s.Log
	if s.Output == nil {
		s.cmd.Stdout = s.Log
	}
	s.cmd.SysProcAttr = dieWithParent()
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.Args[0], err)
	}
	s.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) { // ends with the process
		defer close(done)
		_ = cmd.Wait()
	}(s.cmd, s.done)
	return nil
}

// PID returns the process's number.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Signal sends a signal: SIGSTOP and SIGCONT for a process that hangs for a while.
func (s *Server) Signal(signal syscall.Signal) error { return s.cmd.Process.Signal(signal) }

// Kill ends the process as a power cut would, and waits until it is gone.
func (s *Server) Kill() {
	if s.done == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGKILL)
	<-s.done
}

// Stop tells the process to end, and waits until it has; after patience it is killed, which is an error.
func (s *Server) Stop(patience time.Duration) error {
	if s.done == nil {
		return nil
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-s.done:
		return nil
	case <-timer.C:
		s.Kill()
		return fmt.Errorf("%s did not stop within %v", s.Args[0], patience)
	}
}

// errEnded is why a process never gets ready.
var errEnded = errors.New("the process has ended")

// Ready waits until the process says that it is ready.
func (s *Server) Ready(ctx context.Context) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		if s.readyNow(ctx) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", s.Args[0], context.Cause(ctx))
		case <-s.done:
			return fmt.Errorf("%s is not ready: %w", s.Args[0], errEnded)
		case <-ticker.C:
		}
	}
}

func (s *Server) readyNow(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second) // a process that is stopped takes connections and says nothing
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Admin+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode == http.StatusOK
}

// A Tail keeps the end of what a process prints. It is safe for concurrent use.
type Tail struct {
	mu   sync.Mutex
	text []byte // guarded by mu
}

// tailBytes is how much a Tail keeps.
const tailBytes = 64 << 10

// Write never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailBytes; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

// String returns what is kept.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
