package certs

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// checkInterval is how often the files are looked at, at most: a certificate is renewed days before it ends, so there is
// no hurry, and handshakes should not each ask the file system.
const checkInterval = 5 * time.Second

// expiryWarning is how long before its end a certificate is complained about, once per load.
const expiryWarning = 7 * 24 * time.Hour

// Files is a certificate, with its chain, and a key that an operator keeps in PEM files. What changes there is used from
// the next handshake on. It is safe for concurrent use.
type Files struct {
	certificateFile, keyFile string
	logger                   *slog.Logger
	now                      func() time.Time

	mu      sync.Mutex
	current *tls.Certificate // guarded by mu
	version [2]fileVersion   // of what current was loaded from, or tried to; guarded by mu
	checked time.Time        // guarded by mu
}

// fileVersion tells a file from what it was before.
type fileVersion struct {
	modified time.Time
	size     int64
}

// OpenFiles loads a certificate and its key.
func OpenFiles(certificateFile, keyFile string, logger *slog.Logger) (*Files, error) {
	return openFiles(certificateFile, keyFile, logger, time.Now)
}

func openFiles(certificateFile, keyFile string, logger *slog.Logger, now func() time.Time) (*Files, error) {
	f := &Files{certificateFile: certificateFile, keyFile: keyFile, logger: logger, now: now}
	version, err := f.look()
	if err != nil {
		return nil, fmt.Errorf("load the certificate: %w", err)
	}
	if err := f.load(version); err != nil {
		return nil, err
	}
	return f, nil
}

// GetCertificate is for tls.Config.
func (f *Files) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); now.Sub(f.checked) >= checkInterval {
		f.checked = now
		f.reload()
	}
	return f.current, nil
}

// reload loads the files if they have changed. What can't be loaded, as while an operator is copying, leaves the
// certificate as it is until the files change again. The caller holds f.mu.
func (f *Files) reload() {
	version, err := f.look()
	if err != nil {
		f.logger.Warn("the certificate's files can't be looked at; the old one stays", "err", err)
		return
	}
	if version == f.version {
		return
	}
	if err := f.load(version); err != nil {
		f.version = version
		f.logger.Error("the changed certificate can't be used; the old one stays", "err", err)
	}
}

func (f *Files) look() (version [2]fileVersion, err error) {
	for i, path := range []string{f.certificateFile, f.keyFile} {
		info, err := os.Stat(path)
		if err != nil {
			return version, err
		}
		version[i] = fileVersion{info.ModTime(), info.Size()}
	}
	return version, nil
}

// load replaces the certificate. The caller holds f.mu, or is the only one.
func (f *Files) load(version [2]fileVersion) error {
	pair, err := tls.LoadX509KeyPair(f.certificateFile, f.keyFile)
	if err != nil {
		return fmt.Errorf("load the certificate %s with the key %s: %w", f.certificateFile, f.keyFile, err)
	}
	f.current, f.version = &pair, version
	left := pair.Leaf.NotAfter.Sub(f.now())
	switch {
	case left <= 0:
		f.logger.Error("the certificate has expired: clients refuse it", "file", f.certificateFile, "expired", pair.Leaf.NotAfter)
	case left < expiryWarning:
		f.logger.Warn("the certificate expires soon", "file", f.certificateFile, "expires", pair.Leaf.NotAfter)
	default:
		f.logger.Info("loaded a certificate", "file", f.certificateFile, "expires", pair.Leaf.NotAfter)
	}
	return nil
}
