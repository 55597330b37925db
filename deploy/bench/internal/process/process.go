// Package process starts the servers that benchmarks measure, each in a process of its own, so that what it uses can be
// told from what the load uses.
package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"weir/deploy/bench/internal/procstat"
	"weir/deploy/internal/server"
)

// A Process is a running server: this program, or a `weir dev`.
type Process struct {
	pid  int
	stop func() error
}

// CPU returns the time that the server has used.
func (p *Process) CPU() (time.Duration, error) { return procstat.CPU(p.pid) }

// RSS returns the server's resident memory, in bytes.
func (p *Process) RSS() (int64, error) { return procstat.RSS(p.pid) }

// Stop ends the server and removes its data.
func (p *Process) Stop() error { return p.stop() }

// Weir is a running `weir dev`.
type Weir struct {
	*Process
	// Listen is the address for WebTransport; API the one for the server API, with scheme.
	Listen, API string
	Token       string
	AdminKey    string
}

// startTimeout bounds how long a server may take to be ready.
const startTimeout = 30 * time.Second

// StartWeir starts `weir dev` without its demo and waits until it is ready.
func StartWeir(ctx context.Context, binary string) (*Weir, error) {
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	dev, err := server.NewDev(binary, dir, os.Stderr, "--log-level", "warn", "--no-demo")
	if err != nil {
		return nil, err
	}
	dev.Output = io.Discard
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	stop := func() error {
		dev.Kill()
		return os.RemoveAll(dir)
	}
	if err := dev.Begin(ctx); err != nil {
		return nil, errors.Join(err, stop())
	}
	info, err := dev.Info()
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return &Weir{
		Process: &Process{pid: dev.PID(), stop: stop},
		Listen:  dev.Listen, API: info.API, Token: info.Token, AdminKey: info.AdminKey,
	}, nil
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
	stop := func() error {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // says that it was killed
		return nil
	}
	r := &Raw{Process: &Process{pid: cmd.Process.Pid, stop: stop}, in: in, out: bufio.NewReader(out)}
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
