package shard

import "maps"

// A cache keeps what was used last, at most twice limit entries: when the young generation is full it becomes the old
// one, and what is used again moves over. That makes a lookup one or two map reads, and needs no list.
type cache[K comparable, V any] struct {
	limit      int
	young, old map[K]V
}

func newCache[K comparable, V any](limit int) cache[K, V] {
	return cache[K, V]{limit: limit, young: map[K]V{}}
}

func (c *cache[K, V]) get(k K) (v V, ok bool) {
	if v, ok = c.young[k]; ok {
		return v, true
	}
	if v, ok = c.old[k]; ok {
		c.young[k] = v
	}
	return v, ok
}

func (c *cache[K, V]) put(k K, v V) { c.young[k] = v }

func (c *cache[K, V]) removeIf(gone func(K) bool) {
	maps.DeleteFunc(c.young, func(k K, _ V) bool { return gone(k) })
	maps.DeleteFunc(c.old, func(k K, _ V) bool { return gone(k) })
}

// full reports whether age would forget something.
func (c *cache[K, V]) full() bool { return len(c.young) >= c.limit }

// age forgets what was not used lately. It must not be called while entries hold what is not in the store yet.
func (c *cache[K, V]) age() {
	if c.full() {
		c.old, c.young = c.young, make(map[K]V, c.limit)
	}
}
