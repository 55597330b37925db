package filters

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
)

// A diskCache keeps machine code between runs: a directory per module, in which wazero keeps its file, and beside it our
// seal. wazero's own checksum leaves out the tables that say where each function begins, so what somebody or a failing
// disk has changed would be run. The seal covers every byte; without a good one the directory is thrown away.
//
// Whatever goes wrong with the cache costs time and a line in the log, never a filter. The directory must belong to weir
// alone: who can write there can make it run anything.
type diskCache struct {
	dir string // empty: there is none
	log *slog.Logger
}

const (
	sealName = "seal"
	// maxCached is how many modules the cache keeps. Those unused for longest are removed when weir starts.
	maxCached = 1000
)

func openDiskCache(dir string, log *slog.Logger) *diskCache {
	if dir == "" {
		return &diskCache{log: log}
	}
	c := &diskCache{dir: dir, log: log}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		c.log.Warn("the cache of compiled filters can't be used, they are compiled at every start", "dir", dir, "error", err)
		c.dir = ""
		return c
	}
	if err := c.prune(); err != nil {
		c.log.Warn("tidying up the cache of compiled filters", "dir", dir, "error", err)
	}
	return c
}

// prune removes the modules that were unused for longest, where there are too many.
func (c *diskCache) prune() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil || len(entries) <= maxCached {
		return err
	}
	used := map[string]time.Time{}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			used[e.Name()] = info.ModTime()
		}
	}
	sort.Slice(entries, func(i, j int) bool { return used[entries[i].Name()].After(used[entries[j].Name()]) })
	for _, e := range entries[maxCached:] {
		err = errors.Join(err, os.RemoveAll(filepath.Join(c.dir, e.Name())))
	}
	return err
}

// path returns a module's directory.
func (c *diskCache) path(module []byte) string {
	digest := sha256.Sum256(module)
	return filepath.Join(c.dir, hex.EncodeToString(digest[:]))
}

// open returns wazero's cache for a module, nil if there is none that can be trusted and none can be begun.
func (c *diskCache) open(module []byte) wazero.CompilationCache {
	if c.dir == "" {
		return nil
	}
	path := c.path(module)
	if err := c.check(path); err != nil {
		c.log.Warn("a compiled filter in the cache is damaged and is thrown away", "path", path, "error", err)
		if err := os.RemoveAll(path); err != nil {
			c.log.Warn("the cache of compiled filters can't be used", "path", path, "error", err)
			return nil
		}
	}
	cache, err := wazero.NewCompilationCacheWithDir(path)
	if err != nil {
		c.log.Warn("the cache of compiled filters can't be used", "path", path, "error", err)
		return nil
	}
	return cache
}

// check compares a module's directory with its seal. One that does not exist is fine.
func (c *diskCache) check(path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	want, err := os.ReadFile(filepath.Join(path, sealName))
	if err != nil {
		return err
	}
	got, err := sealOf(path)
	if err != nil {
		return err
	}
	if got != string(want) {
		return errors.New("its content is not what was written")
	}
	now := time.Now()
	return os.Chtimes(path, now, now)
}

// seal notes what a module's directory contains, once it has been compiled into it.
func (c *diskCache) seal(module []byte) {
	if c.dir == "" {
		return
	}
	path := c.path(module)
	if _, err := os.Stat(filepath.Join(path, sealName)); err == nil {
		return
	}
	seal, err := sealOf(path)
	if err == nil {
		err = os.WriteFile(filepath.Join(path, sealName), []byte(seal), 0o600)
	}
	if err != nil {
		c.discard(module, err)
	}
}

// discard gives up a module's directory.
func (c *diskCache) discard(module []byte, because error) {
	path := c.path(module)
	c.log.Warn("a compiled filter can't be kept in the cache", "path", path, "error", because)
	if err := os.RemoveAll(path); err != nil {
		c.log.Warn("removing a compiled filter from the cache", "path", path, "error", err)
	}
}

// sealOf returns the names and SHA-256 of all files below path, but for the seal itself.
func sealOf(path string) (string, error) {
	var seal strings.Builder
	err := filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || file == filepath.Join(path, sealName) {
			return err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(path, file)
		fmt.Fprintf(&seal, "%x %s\n", sha256.Sum256(content), filepath.ToSlash(name))
		return err
	})
	if err == nil && seal.Len() == 0 {
		err = errors.New("there is nothing in it")
	}
	return seal.String(), err
}
