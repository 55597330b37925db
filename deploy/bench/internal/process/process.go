// Package process starts the servers that benchmarks measure, each in a process of its own, so that what it uses can be
// told from what the load uses.
package process

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"weir/deploy/bench/internal/procstat"
)

// A Process is a running server.
type Process struct {
	cmd *exec.Cmd
	dir string // removed at Stop
}

// CPU returns the time that the server has used.
func (p *Process) CPU() (time.Duration, error) { return procstat.CPU(p.cmd.Process.Pid) }

// RSS returns the server's resident memory, in bytes.
func (p *Process) RSS() (int64, error) { return procstat.RSS(p.cmd.Process.Pid) }

// Stop ends the server and removes its data.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // says that it was killed
	if p.dir == "" {
		return nil
	}
	return os.RemoveAll(p.dir)
}

// Build compiles weir into dir.
func Build(ctx context.Context, dir string) (binary string, err error) {
	binary = filepath.Join(dir, "weir")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "weir")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return binary, cmd.Run()
}

// Weir is a running `weir dev`.
type Weir struct {
	*Process
	// Listen is the address for WebTransport; API the one for the server API, with scheme.
	Listen, API string
	Token       string
	AdminKey    string
}

// StartWeir starts `weir dev` without its demo and waits until it is ready.
func StartWeir(ctx context.Context, binary string) (*Weir, error) {
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	admin, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "dev", "--log-level", "warn", "--no-demo", "--data", dir, "--http", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--admin", admin)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = io.Discard, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w := &Weir{Process: &Process{cmd: cmd, dir: dir}}
	if err := w.ready(ctx, admin); err != nil {
		return nil, errors.Join(err, w.Stop())
	}
	return w, nil
}

// startTimeout bounds how long a server may take to be ready.
const startTimeout = 30 * time.Second

func (w *Weir) ready(ctx context.Context, admin string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/readyz", nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return w.learn()
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("weir dev is not ready: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// learn reads where the server is from what it recorded.
func (w *Weir) learn() error {
	data, err := os.ReadFile(filepath.Join(w.dir, "dev.json"))
	if err != nil {
		return err
	}
	var recorded struct {
		Edge     string `json:"edge"`
		API      string `json:"api"`
		Token    string `json:"token"`
		AdminKey string `json:"admin_key"`
	}
	if err := json.Unmarshal(data, &recorded); err != nil {
		return err
	}
	_, w.Listen, _ = strings.Cut(recorded.Edge, "://")
	w.API, w.Token, w.AdminKey = recorded.API, recorded.Token, recorded.AdminKey
	return nil
}

// Raw is a running raw server (package rawserver).
type Raw struct {
	*Process
	Listen string
	in     io.Writer
	out    *bufio.Reader
}

// StartRaw starts this very program as a raw server.
func StartRaw() (*Raw, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "raw-server")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &Raw{Process: &Process{cmd: cmd}, in: in, out: bufio.NewReader(out)}
	line, err := r.out.ReadString('\n')
	if err != nil {
		return nil, errors.Join(err, r.Stop())
	}
	r.Listen = strings.TrimSpace(strings.TrimPrefix(line, "listening "))
	return r, nil
}

// Send has the server send count messages of size bytes to every session and waits until it has.
func (r *Raw) Send(count, size int, interval time.Duration) error {
	if _, err := fmt.Fprintf(r.in, "send %d %d %s\n", count, size, interval); err != nil {
		return err
	}
	_, err := r.out.ReadString('\n')
	return err
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
