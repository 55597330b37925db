package store

import "github.com/cockroachdb/pebble/v2"

// A Cache holds blocks read from disk, of one or several stores: the hot ones are key index rows and producers' rows.
type Cache struct{ blocks *pebble.Cache }

// NewCache returns a cache of so many bytes. Close it after the stores that use it.
func NewCache(bytes int64) *Cache { return &Cache{blocks: pebble.NewCache(bytes)} }

// Close gives the cache up.
func (c *Cache) Close() { c.blocks.Unref() }
