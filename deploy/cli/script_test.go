package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"weir/deploy/internal/server"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"weir": func() { os.Exit(Main()) }})
}

// TestScripts runs testdata/script, where each file is a session at a shell.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"waitfile":   waitFile,
			"waitready":  waitReady,
			"expand":     expand,
			"readenv":    readEnv,
			"capture":    capture,
			"selfsigned": selfSigned,
			"installed":  installed,
			"module":     module,
			"follow":     follow,
			"eventually": eventually,
			"replace":    replace,
		},
		Condition: condition,
		Setup:     setup,
	})
}

// condition answers [race]: races are looked for, which makes compiling a large module take a minute; and [compiler:NAME].
func condition(name string) (bool, error) {
	if name == "race" {
		return raceEnabled, nil
	}
	return hasCompiler(name)
}

// addresses are variables that each script finds set to an address that was free a moment ago.
var addresses = []string{"HUB_API", "HUB_LINK", "HUB_ADMIN", "EDGE", "EDGE_ADMIN"}

func setup(env *testscript.Env) error {
	env.Setenv("HOME", env.WorkDir)
	// Where the command is, and nothing else.
	env.Setenv("WEIRPATH", strings.Split(env.Getenv("PATH"), string(filepath.ListSeparator))[0])
	if err := keepCaches(env); err != nil {
		return err
	}
	chosen := map[string]bool{}
	for _, name := range addresses {
		address, err := server.FreeAddress()
		for err == nil && chosen[address] {
			address, err = server.FreeAddress()
		}
		if err != nil {
			return err
		}
		chosen[address] = true
		env.Setenv(name, address)
	}
	return nil
}

// waitFile waits for a file to appear: what a server writes once it serves.
func waitFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfile FILE")
	}
	await(ts, args[0]+" does not appear", func() bool {
		_, err := os.Stat(ts.MkAbs(args[0]))
		return err == nil
	})
}

// waitReady waits until a server says that it can be sent work.
func waitReady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitready URL")
	}
	await(ts, args[0]+" does not get ready", func() bool {
		response, err := http.Get(args[0] + "/readyz")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

func await(ts *testscript.TestScript, complaint string, holds func() bool) {
	deadline := time.Now().Add(time.Minute)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			ts.Fatalf("%s", complaint)
		}
		<-ticker.C
	}
}

// expand replaces $VARIABLES in files.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// readEnv sets a variable to what a file holds.
func readEnv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: readenv VARIABLE FILE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// capture sets a variable to what the first group of a pattern matches in the last command's output.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture VARIABLE PATTERN")
	}
	match := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(match) != 2 {
		ts.Fatalf("no match for %s", args[1])
	}
	ts.Setenv(args[0], match[1])
}

// selfSigned makes a certificate for 127.0.0.1 that vouches for itself.
func selfSigned(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: selfsigned CERTIFICATE KEY")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	for i, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: certificate}, {Type: "PRIVATE KEY", Bytes: private}} {
		ts.Check(os.WriteFile(ts.MkAbs(args[i]), pem.EncodeToMemory(block), 0o600))
	}
}
