package e2e

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// operators.sh stands in for the machines of an operator's page: ssh, scp and systemctl act on folders and processes here.
//
//go:embed testdata/operators.sh
var machines string

// A block is one of a document's blocks of code.
type block struct {
	section  string // the heading above it
	language string
	text     string
}

// blocksOf returns the blocks of code of a Markdown document that say what language they are in.
func blocksOf(markdown string) (blocks []block) {
	section := ""
	var current *block
	for line := range strings.Lines(markdown) {
		fence, fenced := strings.CutPrefix(line, "```")
		switch {
		case fenced && current == nil:
			current = &block{section: section, language: strings.TrimSpace(fence)}
		case fenced:
			if current.language != "" {
				blocks = append(blocks, *current)
			}
			current = nil
		case current != nil:
			current.text += line
		case strings.HasPrefix(line, "## "):
			section = strings.TrimSpace(line[3:])
		}
	}
	return blocks
}

// A site is what an operator has: machines, each a folder, and a shell.
type site struct {
	t      *testing.T
	root   string
	script bytes.Buffer // what the shell is to run
	// network has the page's addresses, 10.0.0.x: "127.83.7.", the first bytes of loopback addresses that are this site's
	// own, for the page's ports are fixed.
	network string
}

func newSite(t *testing.T, hosts ...string) *site {
	t.Helper()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool, "is not here")
		}
	}
	a, b := byte(64+rand.N(128)), byte(rand.N(256))
	s := &site{t: t, root: t.TempDir(), network: fmt.Sprintf("127.%d.%d.", a, b)}
	probe, err := net.Listen("tcp", s.network+"1:0")
	if err != nil {
		t.Skip("this machine has no loopback addresses besides 127.0.0.1: ", err)
	}
	_ = probe.Close()
	var addrs []net.IP
	for _, last := range []byte{1, 2, 3, 4, 9} {
		addrs = append(addrs, net.IPv4(127, a, b, last))
	}
	certificate, key := selfSigned(t, addrs...)
	for _, host := range hosts {
		s.write(host, "etc/weir/tls/cert.pem", certificate)
		s.write(host, "etc/weir/tls/key.pem", key)
	}
	s.write("", "trusted.pem", certificate)
	s.script.WriteString(machines)
	return s
}

// host returns a machine's folder; "" is the operator's own.
func (s *site) host(name string) string {
	if name == "" {
		return filepath.Join(s.root, "desk")
	}
	return filepath.Join(s.root, "hosts", name)
}

// onLoopback takes the page's addresses to the site's.
func (s *site) onLoopback(text string) string { return strings.ReplaceAll(text, "10.0.0.", s.network) }

// on takes the paths in a text to those of a machine.
func (s *site) on(host, text string) string {
	return machinePath.ReplaceAllString(s.onLoopback(text), "${1}"+s.host(host)+"/$2/")
}

// write makes a file on a machine.
func (s *site) write(host, path string, content []byte) {
	s.t.Helper()
	path = filepath.Join(s.host(host), path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

var (
	machinePath = regexp.MustCompile(`(^|[ "\[])/(etc|var)/`)
	fileName    = regexp.MustCompile(`^# /(\S+)\n`)
)

// configure puts a configuration file of the page on a machine.
func (s *site) configure(host, text string) {
	s.t.Helper()
	name := fileName.FindStringSubmatch(text)
	if name == nil {
		s.t.Fatalf("a file without a name: %s", text)
	}
	s.write(host, name[1], []byte(s.on(host, text)))
}

// run runs all that the shell is to do.
func (s *site) run(limit time.Duration) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", s.script.String())
	cmd.Dir = s.host("")
	cmd.Env = append(os.Environ(), "ROOT="+filepath.Join(s.root, "hosts"), "EDGE=https://"+s.network+"9:8443", "WEIR_BINARY="+binary, "WEIR_CA="+filepath.Join(s.host(""), "trusted.pem"))
	// What the shell starts is in a group of its own, and ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Errorf("the operator's shell: %v\n%s", err, tail(out, 8<<10))
		logs, _ := filepath.Glob(filepath.Join(s.host("*"), "log"))
		for _, path := range logs {
			log, _ := os.ReadFile(path)
			s.t.Logf("%s:\n%s", path, tail(log, 2<<10))
		}
	}
	return string(out)
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

func operatorsPage(t *testing.T) []block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return blocksOf(string(text))
}

// What the operator's page says about one hub node works as it stands there.
func TestOperatorsPageOfOneNode(t *testing.T) {
	s := newSite(t, "hub-1")
	for _, b := range operatorsPage(t) {
		if b.section != "One hub node" {
			continue
		}
		if b.language == "yaml" {
			s.configure("hub-1", b.text)
			continue
		}
		s.script.WriteString("at hub-1\n" + s.on("hub-1", b.text))
	}
	s.script.WriteString("weir tenant list\n")
	if out := s.run(time.Minute); !strings.Contains(out, "acme") {
		t.Errorf("there is no tenant: %s", out)
	}
}

// What the operator's page says about three hub nodes, edges, certificates, restarts, dead nodes and backups works as it stands there, from top
// to bottom, and meanwhile nothing of what is published is lost or comes twice.
func TestOperatorsPageOfThreeNodes(t *testing.T) {
	s := newSite(t, "hub-1", "hub-2", "hub-3", "hub-4", "edge-fra-1")
	sections := map[string]int{}
	for _, b := range operatorsPage(t) {
		switch {
		case b.section == "Three hub nodes" && b.language == "yaml":
			own, peers, _ := strings.Cut(b.text, "\n\n")
			for _, n := range []string{"1", "2", "3"} {
				mine := strings.NewReplacer("hub-1", "hub-"+n, "10.0.0.1", "10.0.0."+n).Replace(own)
				s.configure("hub-"+n, mine+"\n\n"+peers)
			}
		case b.section == "Edges" && b.language == "yaml":
			s.configure("edge-fra-1", b.text)
		case b.section == "Nodes that come and go" && b.language == "yaml":
			s.configure("hub-4", b.text)
		case b.section != "One hub node" && b.language == "sh":
			if sections[b.section]++; b.section == "Nodes that come and go" && sections[b.section] == 1 {
				s.script.WriteString("die hub-3\n")
			}
			s.script.WriteString("remember\n" + s.onLoopback(b.text))
			if b.section == "Certificates" {
				s.script.WriteString("reloaded\n")
			}
			if b.section == "Edges" && strings.Contains(b.text, "weir sub") {
				s.script.WriteString("traffic\n")
			}
		}
	}
	if len(sections) != 7 {
		t.Fatalf("the page has commands in %v", sections)
	}
	s.script.WriteString("check\n")
	out := s.run(5 * time.Minute)
	t.Logf("%s", tail([]byte(out), 300))
}
