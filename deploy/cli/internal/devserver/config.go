// Package devserver is "weir dev": a hub and an edge in one process, with a tenant, a page and live data to try them on.
package devserver

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Tenant is the one that every "weir dev" has.
const Tenant = "demo"

// Config says how to run a Server. All but Demo are required.
type Config struct {
	// Data is the folder for everything that outlives the process.
	Data string
	// HTTP, Listen and Admin are "HOST:PORT" for the page, for sessions, and for health and metrics. Port 0 lets the
	// system choose.
	HTTP, Listen, Admin string
	// Demo is whether flights fly.
	Demo bool
	// TokenTTL is how long the tokens are valid that pages and tools get.
	TokenTTL time.Duration
	// StopTimeout bounds how long Close takes.
	StopTimeout time.Duration
	// Agent is the name and version that clients are told.
	Agent  string
	Logger *slog.Logger
}

// Paths in the data folder.
func (c *Config) hubDir() string     { return filepath.Join(c.Data, "hub") }
func (c *Config) adminKey() string   { return AdminKey(c.Data) }
func (c *Config) tlsDir() string     { return filepath.Join(c.Data, "tls") }
func (c *Config) cacheDir() string   { return filepath.Join(c.Data, "cache") }
func (c *Config) signingKey() string { return filepath.Join(c.Data, "signing.jwk") }
func (c *Config) lockFile() string   { return filepath.Join(c.Data, "lock") }

// AdminKey returns the path of the operator's API key within a data folder.
func AdminKey(data string) string { return filepath.Join(data, "hub", "admin.key") }

// A DataError says why the data folder can't be used.
type DataError struct{ Err error }

func (e *DataError) Error() string { return "can't use the data folder: " + e.Err.Error() }
func (e *DataError) Unwrap() error { return e.Err }

// openData makes the data folder and takes it for this process, until the file returned is closed. The error is ErrLocked or
// a *DataError.
func (c *Config) openData() (*os.File, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, &DataError{err}
	}
	f, err := lock(c.lockFile())
	if err != nil && !errors.Is(err, ErrLocked) {
		return nil, &DataError{err}
	}
	return f, err
}

// taken reports whether another process has the data folder, without making one.
func (c *Config) taken() bool {
	if _, err := os.Stat(c.lockFile()); err != nil {
		return false
	}
	f, err := lock(c.lockFile())
	if err == nil {
		_ = f.Close()
	}
	return errors.Is(err, ErrLocked)
}
