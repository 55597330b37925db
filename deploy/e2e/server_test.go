package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
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
	binary = filepath.Join(dir, "weir")
	build := exec.Command("go", "build", "-o", binary, "weir")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build weir:", err)
		return 1
	}
	return m.Run()
}

// A server is one `weir dev` with its data; it can be killed and started again at the same addresses.
type server struct {
	t                   testing.TB
	dir                 string
	http, listen, admin string
	flags               []string

	cmd  *exec.Cmd
	log  *lockedBuffer
	done chan struct{} // closed when the process of cmd has ended
}

// devInfo is what `weir dev` records for the tools beside it.
type devInfo struct {
	Edge        string `json:"edge"`
	API         string `json:"api"`
	Token       string `json:"token"`
	AdminKey    string `json:"admin_key"`
	Certificate string `json:"certificate"`
	// SigningKeyFile is the private key that signs users' tokens.
	SigningKeyFile string `json:"signing_key_file"`
}

// newServer starts `weir dev` on free ports of 127.0.0.1 and stops it at the test's end.
func newServer(t testing.TB, flags ...string) *server {
	t.Helper()
	s := &server{
		t: t, dir: t.TempDir(), flags: flags, log: &lockedBuffer{},
		http: freeAddr(t), listen: freeAddr(t), admin: freeAddr(t),
	}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("server log (last 8 KiB):\n%s", s.log.tail(8<<10))
		}
	})
	s.start()
	s.waitReady()
	return s
}

func (s *server) start() {
	s.t.Helper()
	args := append([]string{"dev", "--data", s.dir, "--http", s.http, "--listen", s.listen, "--admin", s.admin}, s.flags...)
	s.cmd = exec.Command(binary, args...)
	s.cmd.Dir = s.dir
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	// The server dies with the test, however that ends.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		defer close(done)
		_ = cmd.Wait()
	}(s.cmd, s.done)
}

// kill ends the process as a power cut would, and waits until it is gone.
func (s *server) kill() {
	_ = s.cmd.Process.Signal(syscall.SIGKILL)
	<-s.done
}

// restart starts a killed server again on its data.
func (s *server) restart() {
	s.t.Helper()
	s.start()
	s.waitReady()
}

func (s *server) waitReady() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		if s.ready(ctx) {
			return
		}
		select {
		case <-ticker.C:
		case <-s.done:
			s.t.Fatalf("weir dev ended before it was ready:\n%s", s.log.tail(8<<10))
		case <-ctx.Done():
			s.t.Fatalf("weir dev is not ready after 30 s:\n%s", s.log.tail(8<<10))
		}
	}
}

func (s *server) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+"/readyz", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode == http.StatusOK
}

// info reads what the running server recorded.
func (s *server) info() devInfo {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, "dev.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	var info devInfo
	if err := json.Unmarshal(data, &info); err != nil {
		s.t.Fatalf("dev.json: %v", err)
	}
	return info
}

// weir runs the command line inside the server's folder and returns its standard output.
func (s *server) weir(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = s.dir
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
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	out, err := s.weir(ctx, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// quiet is for what tests are not about.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// freeAddr returns an address on which nothing listened a moment ago, by TCP or UDP.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 100 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := tcp.Addr().String()
		udp, err := net.ListenPacket("udp", addr)
		_ = tcp.Close()
		if err != nil {
			continue
		}
		_ = udp.Close()
		return addr
	}
	t.Fatal(errors.New("no free port"))
	return ""
}

// A lockedBuffer keeps what processes print; it is bounded so that a talkative server does not fill memory.
type lockedBuffer struct {
	mu  sync.Mutex
	buf []byte // guarded by mu
}

const logBytes = 1 << 20 // enough for the last few thousand lines

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf = append(b.buf, p...)
	if len(b.buf) > logBytes {
		b.buf = append(b.buf[:0], b.buf[len(b.buf)-logBytes/2:]...)
	}
	return len(p), nil
}

func (b *lockedBuffer) tail(n int) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.buf[max(0, len(b.buf)-n):])
}
