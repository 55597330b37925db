package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// nodes is how many nodes a rival has.
const nodes = 3

// A child is a node in a process of its own: this program again.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
}

// startChild starts a node, which ends when its standard input does.
func startChild(ctx context.Context, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(ctx, self, args...)}
	c.cmd.Stderr = os.Stderr
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.lines = bufio.NewScanner(out)
	return c, c.cmd.Start()
}

// stop ends the node and waits for it.
func (c *child) stop() error {
	return errors.Join(c.stdin.Close(), c.cmd.Wait())
}

// line returns the next line that the node prints.
func (c *child) line() (string, error) {
	if !c.lines.Scan() {
		return "", errors.Join(fmt.Errorf("%s ended", c.cmd.Args[1]), c.lines.Err())
	}
	return c.lines.Text(), nil
}

// cpu returns the user and system time that the node has used (proc(5); 100 ticks a second on Linux).
func (c *child) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("proc stat: unexpected form")
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * time.Second / 100, errors.Join(err1, err2)
}

// ownCPU returns the user and system time that this process has used.
func ownCPU() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0 // it fails for a bad address alone
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// cpuOf sums up what nodes have used.
func cpuOf(children []*child) (sum time.Duration, err error) {
	for _, c := range children {
		used, failed := c.cpu()
		sum, err = sum+used, errors.Join(err, failed)
	}
	return sum, err
}

// measured runs a measurement and adds the CPU time that the nodes used in it.
func measured(children []*child, measure func() (result, error), events int) (result, error) {
	before, err := cpuOf(children)
	if err != nil {
		return result{}, err
	}
	own := ownCPU()
	r, err := measure()
	if err != nil {
		return r, err
	}
	r.ClientsCPUPerMillion = (ownCPU() - own).Seconds() / float64(events) * 1e6
	after, err := cpuOf(children)
	r.CPUPerMillion = (after - before).Seconds() / float64(events) * 1e6
	return r, err
}

// freeAddresses returns TCP addresses on 127.0.0.1 that nobody listened on a moment ago.
func freeAddresses(n int) ([]string, error) {
	var all []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		all = append(all, l.Addr().String())
	}
	return all, nil
}

// untilClosed waits until whoever started this process has closed its standard input, or ctx ends.
func untilClosed(ctx context.Context, in io.Reader) {
	closed := make(chan struct{})
	go func() { // ends with the process at the latest
		defer close(closed)
		_, _ = io.Copy(io.Discard, in)
	}()
	select {
	case <-closed:
	case <-ctx.Done():
	}
}
