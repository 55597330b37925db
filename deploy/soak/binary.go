package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A binary is the compiled tests of one package.
type binary struct {
	histories
	path string
}

// build compiles the packages of a suite that have histories, into dir.
func build(ctx context.Context, suite, dir string) ([]*binary, error) {
	found, err := find(suite)
	if err != nil {
		return nil, err
	}
	var binaries []*binary
	for _, h := range found {
		b := &binary{histories: h, path: filepath.Join(dir, strings.ReplaceAll(h.folder, string(filepath.Separator), "-")+".test")}
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", b.path, "./"+filepath.ToSlash(h.folder))
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("compile the tests of %s: %w", h.folder, err)
		}
		binaries = append(binaries, b)
	}
	return binaries, nil
}

const (
	// seedTimeout bounds one seed in one package; a history that hangs is one that failed.
	seedTimeout = 5 * time.Minute
	// rapidChecks is how many histories rapid draws from one seed.
	rapidChecks = 5
)

// run runs the histories with one seed. The output is what the tests say.
func (b *binary) run(ctx context.Context, seed uint64) (output []byte, err error) {
	args := []string{
		"-test.run", "^(" + strings.Join(b.tests, "|") + ")$", "-test.timeout", seedTimeout.String(), "-test.count", "1",
	}
	if b.rapid {
		args = append(args, fmt.Sprintf("-rapid.seed=%d", seed), fmt.Sprintf("-rapid.checks=%d", rapidChecks), "-rapid.nofailfile")
	}
	cmd := exec.CommandContext(ctx, b.path, args...)
	cmd.Dir = b.folder // as go test does
	cmd.Env = append(os.Environ(), fmt.Sprintf("WEIR_SEED=%d", seed), "WEIR_SEEDS=1")
	return cmd.CombinedOutput()
}

// suite is the part that the package belongs to.
func (b *binary) suite() string {
	folder := filepath.ToSlash(b.folder)
	if folder == nemesisFolder {
		return "nemesis"
	}
	name, _, _ := strings.Cut(folder, "/")
	return name
}
