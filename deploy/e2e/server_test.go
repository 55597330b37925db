package e2e

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	process "weir/deploy/internal/server"
)

// binary is the weir that all tests run; built once, by TestMain.
var binary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// binaryVar is the path of a weir that is already built, for copies of this program.
const binaryVar = "WEIR_E2E_BINARY"

func run(m *testing.M) int {
	if binary = os.Getenv(binaryVar); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "weir-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary, err = process.Build(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// A server is one `weir dev` with its data; it can be killed and started again at the same addresses.
type server struct {
	*process.Dev
	t   testing.TB
	log *process.Tail
}

// patience bounds every wait for what has to come. It is many times what it takes: machines are busy.
const patience = 2 * time.Minute

// newServer starts `weir dev` on free ports of 127.0.0.1 and stops it at the test's end.
func newServer(t testing.TB, flags ...string) *server {
	t.Helper()
	s := &server{t: t, log: &process.Tail{}}
	var err error
	if s.Dev, err = process.NewDev(binary, t.TempDir(), s.log, flags...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("server log:\n%s", s.log)
		}
	})
	s.restart()
	return s
}

// restart starts a server that is not running, on its data.
func (s *server) restart() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Begin(ctx); err != nil {
		s.t.Fatal(err)
	}
}

// info reads what the running server recorded.
func (s *server) info() process.DevInfo {
	s.t.Helper()
	info, err := s.Info()
	if err != nil {
		s.t.Fatal(err)
	}
	return info
}

// weir runs the command line inside the server's folder and returns its standard output.
func (s *server) weir(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = s.Dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("weir %v: %w\n%s", args, err, stderr.Bytes())
	}
	return out, nil
}

// mustWeir is weir for calls that have to succeed.
func (s *server) mustWeir(args ...string) []byte {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := s.weir(ctx, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// quiet is for what tests are not about.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
