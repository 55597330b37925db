// Package tenantlog keeps the latest of what many tenants say: so much of each, and so much of all together, at the cost of
// those who say most.
package tenantlog

import (
	"iter"
	"maps"
	"slices"
)

// A Log keeps entries of tenants in the order in which they came. It is not safe for concurrent use.
type Log[T any] struct {
	each, all int
	tenants   map[string][]T
	total     int
}

// New returns a Log that keeps up to each entries of a tenant, and up to all of all tenants.
func New[T any](each, all int) *Log[T] {
	return &Log[T]{each: each, all: all, tenants: map[string][]T{}}
}

// Add adds an entry. The tenant's oldest goes if it has as many as one may have; if there are as many of all as there may be,
// the oldest go of whoever has most.
func (l *Log[T]) Add(tenant string, entry T) {
	if l.total >= l.all {
		l.shorten()
	}
	entries := l.tenants[tenant]
	if len(entries) >= l.each {
		entries = slices.Delete(entries, 0, len(entries)-l.each+1)
	}
	entries = append(entries, entry)
	l.total += len(entries) - len(l.tenants[tenant])
	l.tenants[tenant] = entries
}

// shorten drops the older eighth of the most entries that a tenant has, so that tenants have to be looked through rarely.
func (l *Log[T]) shorten() {
	longest := ""
	for tenant, entries := range l.tenants {
		if len(entries) > len(l.tenants[longest]) {
			longest = tenant
		}
	}
	entries := l.tenants[longest]
	n := (len(entries) + 7) / 8
	l.total -= n
	if l.tenants[longest] = slices.Delete(entries, 0, n); len(entries) == n {
		delete(l.tenants, longest)
	}
}

// Of returns a tenant's entries, oldest first. They are valid until the next change.
func (l *Log[T]) Of(tenant string) []T { return l.tenants[tenant] }

// Tenants returns all tenants that have entries, in no order.
func (l *Log[T]) Tenants() iter.Seq[string] { return maps.Keys(l.tenants) }

// Forget drops what a tenant has said.
func (l *Log[T]) Forget(tenant string) {
	l.total -= len(l.tenants[tenant])
	delete(l.tenants, tenant)
}
