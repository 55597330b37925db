// Package devserver is "weir dev": a hub and an edge in one process, with a tenant, a page and live data to try them on.
package devserver

import (
	"fmt"
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
func (c *Config) adminKey() string   { return filepath.Join(c.Data, "hub", "admin.key") }
func (c *Config) tlsDir() string     { return filepath.Join(c.Data, "tls") }
func (c *Config) cacheDir() string   { return filepath.Join(c.Data, "cache") }
func (c *Config) signingKey() string { return filepath.Join(c.Data, "signing.jwk") }
func (c *Config) lockFile() string   { return filepath.Join(c.Data, "lock") }

// openData makes the data folder and takes it for this process, until the file returned is closed.
func (c *Config) openData() (*os.File, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("can't make the data folder: %w", err)
	}
	return lock(c.lockFile())
}
