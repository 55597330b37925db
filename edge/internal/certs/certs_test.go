package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// clock is a time that tests move.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func mustDev(t *testing.T, dir string, c *clock) *Dev {
	t.Helper()
	d, err := openDev(dir, quiet(), c.now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustHash(t *testing.T, d *Dev) string {
	t.Helper()
	hash, err := d.Hash()
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func TestDevIsWhatBrowsersAcceptByHash(t *testing.T) {
	d := mustDev(t, t.TempDir(), &clock{start})
	certificate, err := d.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf := certificate.Leaf
	key, ok := leaf.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		t.Errorf("public key is %T, want ECDSA with P-256", leaf.PublicKey)
	}
	if lifetime := leaf.NotAfter.Sub(leaf.NotBefore); lifetime > 14*24*time.Hour {
		t.Errorf("valid for %s, at most 14 days are accepted", lifetime)
	}
	if !leaf.NotBefore.Before(start) {
		t.Errorf("not valid before %s", leaf.NotBefore)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: pool, CurrentTime: start}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if hash := mustHash(t, d); len(hash) != 64 {
		t.Errorf("hash %q", hash)
	}
}

func TestDevIsKeptAndRenewed(t *testing.T) {
	dir, c := filepath.Join(t.TempDir(), "certs"), &clock{start}
	first := mustHash(t, mustDev(t, dir, c))

	c.Time = start.Add(devLifetime - devRenewal - time.Second)
	d := mustDev(t, dir, c)
	if got := mustHash(t, d); got != first {
		t.Errorf("made anew while the old one serves: %s, then %s", first, got)
	}
	c.Time = c.Add(time.Second)
	second := mustHash(t, d)
	if second == first {
		t.Error("not renewed before its end")
	}
	if got := mustHash(t, mustDev(t, dir, c)); got != second {
		t.Errorf("the renewed one is not kept: %s, then %s", second, got)
	}
	c.Time = start.Add(-24 * time.Hour)
	if got := mustHash(t, d); got == second {
		t.Error("not renewed though it is not valid yet")
	}
}

func TestDevFilesAreFor(t *testing.T) {
	dir := t.TempDir()
	d := mustDev(t, dir, &clock{start})
	for path, mode := range map[string]os.FileMode{d.CertificateFile(): 0o644, filepath.Join(dir, devKeyFile): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), mode)
		}
	}
}

func TestDevReplacesWhatItCannotRead(t *testing.T) {
	dir, c := t.TempDir(), &clock{start}
	first := mustHash(t, mustDev(t, dir, c))
	if err := os.WriteFile(filepath.Join(dir, devKeyFile), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := mustHash(t, mustDev(t, dir, c)); got == first {
		t.Error("the certificate without its key is still shown")
	}
}

func TestDevOutlivesAFolderThatCannotBeWritten(t *testing.T) {
	dir, c := t.TempDir(), &clock{start}
	d := mustDev(t, dir, c)
	first := mustHash(t, d)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	c.Time = start.Add(devLifetime - time.Minute)
	if got := mustHash(t, d); got != first {
		t.Error("changed, though it could not be kept")
	}
	c.Time = start.Add(devLifetime)
	if hash, err := d.Hash(); err == nil {
		t.Errorf("an expired certificate %s is shown", hash)
	}
}

// writePair puts a certificate and its key into dir and returns its hash.
func writePair(t *testing.T, dir string, at time.Time) string {
	t.Helper()
	certificatePEM, keyPEM, err := makeDev(at)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"a.crt": certificatePEM, "a.key": keyPEM} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(certificatePEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return Hash(&pair)
}

func TestFilesAreReloaded(t *testing.T) {
	dir, c := t.TempDir(), &clock{start}
	first := writePair(t, dir, start)
	var log bytes.Buffer
	f, err := openFiles(filepath.Join(dir, "a.crt"), filepath.Join(dir, "a.key"), slog.New(slog.NewTextHandler(&log, nil)), c.now)
	if err != nil {
		t.Fatal(err)
	}
	shown := func() string {
		t.Helper()
		certificate, err := f.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return Hash(certificate)
	}
	if got := shown(); got != first {
		t.Errorf("shows %s, want %s", got, first)
	}
	second := writePair(t, dir, start.Add(time.Minute))
	c.Time = start.Add(checkInterval - 1)
	if got := shown(); got != first {
		t.Error("the file system is asked too often")
	}
	c.Time = start.Add(checkInterval)
	if got := shown(); got != second {
		t.Errorf("shows %s after the change, want %s", got, second)
	}

	if err := os.WriteFile(filepath.Join(dir, "a.crt"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c.Time = c.Add(checkInterval)
		if got := shown(); got != second {
			t.Errorf("shows %s after a failed change, want %s", got, second)
		}
	}
	if n := strings.Count(log.String(), "can't be used"); n != 1 {
		t.Errorf("complains %d times, want once:\n%s", n, log.String())
	}
	if err := os.Remove(filepath.Join(dir, "a.crt")); err != nil {
		t.Fatal(err)
	}
	c.Time = c.Add(checkInterval)
	if got := shown(); got != second {
		t.Errorf("shows %s without a file, want %s", got, second)
	}
}

func TestFilesThatDoNotServe(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir, start)
	certificate, key := filepath.Join(dir, "a.crt"), filepath.Join(dir, "a.key")
	if _, err := OpenFiles(certificate, filepath.Join(dir, "none"), quiet()); err == nil {
		t.Error("opened without a key")
	}
	if _, err := OpenFiles(certificate, certificate, quiet()); err == nil {
		t.Error("opened with a certificate for a key")
	}
	for name, at := range map[string]time.Time{
		"expires soon": start.Add(devLifetime - time.Hour), "has expired": start.Add(devLifetime + time.Hour),
	} {
		var log bytes.Buffer
		if _, err := openFiles(certificate, key, slog.New(slog.NewTextHandler(&log, nil)), (&clock{at}).now); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log.String(), name) {
			t.Errorf("log lacks %q: %s", name, log.String())
		}
	}
}

func TestResetKeyIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sub")
	first, err := ResetKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := ResetKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	if first != second || first == [32]byte{} {
		t.Error("the key is not kept, or is zero")
	}
	if err := os.WriteFile(filepath.Join(dir, resetKeyFile), []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ResetKey(dir); err == nil {
		t.Error("half a key is used")
	}
}

func TestHandshake(t *testing.T) {
	d, err := OpenDev(t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(d.CertificateFile())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	done := make(chan error, 1)
	go func() { done <- tls.Server(ours, &tls.Config{GetCertificate: d.GetCertificate}).Handshake() }()
	if err := tls.Client(theirs, &tls.Config{RootCAs: pool, ServerName: "localhost"}).Handshake(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
