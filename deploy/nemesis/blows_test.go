package nemesis

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"weir/deploy/internal/region"
	"weir/deploy/internal/wire"
)

// strike does a blow and mends it again, so that what follows finds all nodes running. It does not wait until they serve.
func (v *victim) strike(ctx context.Context, s step) error {
	n := v.Nodes[s.node]
	switch s.blow {
	case kill:
		n.Kill()
		sleep(ctx, s.lasts)
		return n.Start()
	case killAll:
		for _, n := range v.Nodes {
			n.Kill()
		}
		sleep(ctx, s.lasts/4)
		for _, n := range v.Nodes {
			if err := n.Start(); err != nil {
				return err
			}
		}
		return nil
	case pause:
		if err := n.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		sleep(ctx, s.lasts)
		return n.Signal(syscall.SIGCONT)
	case starve:
		return v.starve(ctx, s)
	case skew:
		n.Kill()
		n.Skew = time.Duration(rand.New(rand.NewPCG(s.draw, 3)).Int64N(int64(2*maxSkew))) - maxSkew
		return n.Start()
	case fill:
		return fillDisk(ctx, n, s.lasts)
	case rot:
		n.Kill()
		if err := v.flipByte(n, s.draw); err != nil {
			return err
		}
		return n.Start()
	case replace:
		return v.Replace(ctx, s.node)
	default:
		v.strikeNetwork(s)
		sleep(ctx, s.lasts)
		v.wire.Heal()
		return nil
	}
}

// starve stops each node for 300 to 800 ms and lets it go on for 200 to 1,500 ms, until the step is over, as if there were too
// little processor time.
func (v *victim) starve(ctx context.Context, s step) error {
	ctx, cancel := context.WithTimeout(ctx, s.lasts)
	defer cancel()
	var starving sync.WaitGroup
	failures := make([]error, len(v.Nodes))
	for i, n := range v.Nodes {
		starving.Go(func() {
			rng := rand.New(rand.NewPCG(s.draw, uint64(i)))
			for ctx.Err() == nil {
				sleep(ctx, between(rng, 200*time.Millisecond, 1500*time.Millisecond))
				stopped := n.Signal(syscall.SIGSTOP)
				sleep(ctx, between(rng, 300*time.Millisecond, 800*time.Millisecond))
				if failures[i] = errors.Join(stopped, n.Signal(syscall.SIGCONT)); failures[i] != nil {
					return
				}
			}
		})
	}
	starving.Wait()
	return errors.Join(failures...)
}

// maxSkew is how wrong a clock is at most. Beyond a minute a node would hand out producers' identities that others refuse.
const maxSkew = 30 * time.Second

// strikeNetwork does what a network does.
func (v *victim) strikeNetwork(s step) {
	cut := wire.Fault{Cut: true}
	for i, from := range v.Nodes {
		for j, to := range v.Nodes {
			if i == j {
				continue
			}
			switch one, two := i == s.node, j == s.node; {
			case s.blow == isolate && (one || two), s.blow == deafen && two,
				s.blow == part && (one && j == s.other || two && i == s.other):
				v.wire.Set(from.Name, to.Name, cut)
			case s.blow == slow:
				v.wire.Set(from.Name, to.Name, wire.Fault{Delay: 20 * time.Millisecond, Jitter: 60 * time.Millisecond})
			case s.blow == lose:
				v.wire.Set(from.Name, to.Name, wire.Fault{Loss: 0.1})
			}
		}
	}
}

// sleep lets a blow last: how long is the seed's choice, not a wait for something.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// ballast is the file that fills a disk.
const ballast = "ballast"

// fillDisk fills a node's disk, which is a small one of its own, and makes room again.
func fillDisk(ctx context.Context, n *region.Node, lasts time.Duration) error {
	path := filepath.Join(n.Data, ballast)
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	block := make([]byte, 64<<10)
	for size := len(block); size > 0; {
		if _, err := file.Write(block[:size]); err != nil {
			size /= 2 // there is room for less
		}
	}
	if err := file.Close(); err != nil {
		return err
	}
	sleep(ctx, lasts)
	return os.Remove(path)
}

// flipByte changes a byte of what a node has on its disk, in a file of its log, its state or its snapshots.
func (v *victim) flipByte(n *region.Node, draw uint64) error {
	var files []string
	err := filepath.WalkDir(filepath.Join(n.Data, "groups"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".sst", ".wal":
			files = append(files, path)
		}
		return nil
	})
	if err != nil || len(files) == 0 {
		return err
	}
	rng := rand.New(rand.NewPCG(draw, 4))
	path := files[rng.IntN(len(files))]
	content, err := os.ReadFile(path)
	if err != nil || len(content) == 0 {
		return err
	}
	used := len(strings.TrimRight(string(content), "\x00")) // the log's files are allocated whole
	if used == 0 {
		return nil
	}
	at := rng.IntN(used)
	content[at] ^= 1 << rng.IntN(8)
	v.t.Logf("byte %d of %s is changed", at, path)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return fmt.Errorf("change a byte: %w", err)
	}
	return nil
}
