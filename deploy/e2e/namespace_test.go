package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// insideVar is set for the copy of a test that runs in a network namespace of its own.
const insideVar = "WEIR_E2E_NAMESPACE"

// withoutUDP runs a test in a network namespace of its own, in which UDP to servers is lost without a word, as many
// office networks do. It runs the test binary anew for that, for one test.
func withoutUDP(t *testing.T, test func(t *testing.T)) {
	if os.Getenv(insideVar) != "" {
		blockUDP(t)
		test(t)
		return
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED LOUDLY: no %s on this machine: `make test` installs it where it may", tool)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), insideVar+"=1", binaryVar+"="+binary)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if errors.Is(err, os.ErrPermission) {
		t.Skip("SKIPPED LOUDLY: only root may make a network namespace here")
	}
	if err != nil || !strings.Contains(out.String(), "--- PASS: "+t.Name()) {
		t.Fatalf("in a network without UDP: %v\n%s", err, out.Bytes())
	}
}

// blockUDP brings the namespace's loopback up and drops UDP on it.
func blockUDP(t *testing.T) {
	t.Helper()
	for _, command := range [][]string{
		{"ip", "link", "set", "lo", "up"},
		{"nft", "add", "table", "inet", "weir"},
		{"nft", "add", "chain", "inet", "weir", "input", "{ type filter hook input priority 0 ; }"},
		{"nft", "add", "rule", "inet", "weir", "input", "meta", "l4proto", "udp", "drop"},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
	}
}
