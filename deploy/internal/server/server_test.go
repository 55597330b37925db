package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/deploy/internal/server"
)

// roleVar makes this test binary the process that is tested with.
const roleVar = "WEIR_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVar) {
	case "serve":
		fmt.Println("serving")
		_ = http.ListenAndServe(os.Args[1], http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		os.Exit(1)
	case "end":
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func newServer(t *testing.T, role string) (*server.Server, *server.Tail) {
	t.Helper()
	address, err := server.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	log := &server.Tail{}
	s := &server.Server{Binary: os.Args[0], Args: []string{address}, Env: []string{roleVar + "=" + role}, Admin: address, Log: log}
	t.Cleanup(s.Kill)
	return s, log
}

// runs reports whether a process that has been started is there.
func runs(s *server.Server) bool { return s.Signal(syscall.Signal(0)) == nil }

func TestStartStopKill(t *testing.T) {
	s, log := newServer(t, "serve")
	for range 2 {
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		if err := s.Ready(t.Context()); err != nil || !runs(s) {
			t.Fatalf("ready: %v, running: %v", err, runs(s))
		}
		if err := s.Stop(time.Minute); err != nil || runs(s) {
			t.Errorf("stop: %v, running: %v", err, runs(s))
		}
	}
	if got := strings.Count(log.String(), "serving"); got != 2 {
		t.Errorf("the log is %q", log)
	}
}

func TestStopped(t *testing.T) {
	s, _ := newServer(t, "serve")
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(time.Millisecond); err == nil || runs(s) {
		t.Errorf("a process that hangs is stopped: %v, running: %v", err, runs(s))
	}
}

func TestNeverReady(t *testing.T) {
	s, _ := newServer(t, "end")
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("a process that ends is ready: %v", err)
	}
	hangs, _ := newServer(t, "serve")
	hangs.Admin = "127.0.0.1:1"
	if err := hangs.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	if err := hangs.Ready(ctx); err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("without an answer it is ready: %v", err)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	tail := &server.Tail{}
	for i := range 10_000 {
		fmt.Fprintf(tail, "line %d\n", i)
	}
	if got := tail.String(); len(got) > 64<<10 || !strings.HasSuffix(got, "line 9999\n") {
		t.Errorf("%d bytes are kept, they end with %q", len(got), got[len(got)-20:])
	}
}
