// Package filterlog keeps what the filters of an edge have said lately by weir.log, and counts all that they say.
package filterlog

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"weir/edge/internal/sieve"
	"weir/filters"
	"weir/filters/tenantlog"
	"weir/proto/weirpb"
)

// Bounds of the lines that are kept: of a tenant, and of all tenants, some 400 bytes each.
const tenantLines, allLines = 500, 10_000

// A Log keeps the latest lines of each tenant. It is safe for concurrent use.
type Log struct {
	mu     sync.Mutex
	lines  *tenantlog.Log[entry]
	last   uint64              // sequence number of the latest line
	voices map[sieve.ID]*Voice // of the versions that have been opened, as many as there are
}

// An entry is a line and its place among those of all tenants, from 1.
type entry struct {
	sequence uint64
	line     *weirpb.FilterLine
}

// New returns an empty Log.
func New() *Log {
	return &Log{lines: tenantlog.New[entry](tenantLines, allLines), voices: map[sieve.ID]*Voice{}}
}

// A Voice is one version of a filter, which hands over what it says. Its lines are numbered from 1, those that are left out
// as well, so that whoever reads them sees how many are missing.
type Voice struct {
	log  *Log
	id   sieve.ID
	said uint64 // guarded by log.mu
}

var _ filters.Listener = (*Voice)(nil)

// Voice returns the Voice of a version, the same one whenever it is opened again.
func (l *Log) Voice(id sieve.ID) *Voice {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.voices[id]
	if v == nil {
		v = &Voice{log: l, id: id}
		l.voices[id] = v
	}
	return v
}

// Said implements filters.Listener.
func (v *Voice) Said(channel, text string) {
	l := v.log
	l.mu.Lock()
	defer l.mu.Unlock()
	v.said++
	l.last++
	l.lines.Add(v.id.Tenant, entry{l.last, &weirpb.FilterLine{
		Tenant: v.id.Tenant, Name: v.id.Name, Version: v.id.Version, Number: v.said, TimeMs: time.Now().UnixMilli(),
		Channel: channel, Text: text,
	}})
}

// LeftOut implements filters.Listener.
func (v *Voice) LeftOut() {
	v.log.mu.Lock()
	defer v.log.mu.Unlock()
	v.said++
}

// Said returns how many lines a version has said, those included that were left out.
func (l *Log) Said(id sieve.ID) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v := l.voices[id]; v != nil {
		return v.said
	}
	return 0
}

// Of returns the lines that are kept of a tenant's filters, of one filter unless its name is empty.
func (l *Log) Of(tenant, filter string) (lines []*weirpb.FilterLine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.lines.Of(tenant) {
		if filter == "" || e.line.GetName() == filter {
			lines = append(lines, e.line)
		}
	}
	return lines
}

// Positions returns how many lines the versions of a tenant's filters have said, of one filter unless its name is empty.
func (l *Log) Positions(tenant, filter string) []*weirpb.FilterLogPosition {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []*weirpb.FilterLogPosition
	for id, v := range l.voices {
		if id.Tenant == tenant && (filter == "" || id.Name == filter) && v.said > 0 {
			all = append(all, &weirpb.FilterLogPosition{Name: id.Name, Version: id.Version, Number: v.said})
		}
	}
	slices.SortFunc(all, func(a, b *weirpb.FilterLogPosition) int {
		return cmp.Or(cmp.Compare(a.GetName(), b.GetName()), cmp.Compare(a.GetVersion(), b.GetVersion()))
	})
	return all
}

// Forget drops what filters have said that are gone, so that a tenant that is made anew under the same name does not read it.
func (l *Log) Forget(has func(sieve.ID) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.voices {
		if !has(id) {
			delete(l.voices, id)
			l.lines.Forget(id.Tenant) // versions go with their tenant, and not before
		}
	}
}
