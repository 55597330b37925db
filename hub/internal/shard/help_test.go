package shard

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/hub/internal/entry"
	"weir/hub/internal/store"
	"weir/proto/logpb"
	identity "weir/proto/producer"
	"weir/proto/weirpb"
)

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// A rig is a shard in memory.
type rig struct {
	tester
	store *store.Store
	shard *Shard
}

const base = 1_000

func newRig(t tester) *rig {
	t.Helper()
	s, err := store.Open("state", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	sh, err := Open(s, 1, Bounds{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{tester: t, store: s, shard: sh}
	sh.Init(&logpb.InitShard{BaseEpoch: base})
	r.apply()
	return r
}

func (r *rig) close() {
	r.Helper()
	if err := r.store.Close(); err != nil {
		r.Fatal(err)
	}
}

// apply commits what commands do as one batch.
func (r *rig) apply(commands ...func(*store.Batch) error) {
	r.Helper()
	b := r.store.NewBatch()
	for _, c := range append(commands, r.shard.Finish) {
		if err := c(b); err != nil {
			r.Fatal(err)
		}
	}
	if err := r.store.Commit(b); err != nil {
		r.Fatal(err)
	}
}

// publish orders publications at a time, in one command.
func (r *rig) publish(timeMs int64, s *logpb.Settings, all ...*weirpb.Publication) (out []Outcome) {
	r.Helper()
	r.apply(func(*store.Batch) (err error) {
		out, err = r.shard.Append(timeMs, r.appendOf(s, all...), nil)
		return err
	})
	return out
}

func (r *rig) appendOf(s *logpb.Settings, all ...*weirpb.Publication) *entry.Append {
	r.Helper()
	c := &logpb.Append{Settings: []*logpb.Settings{s}}
	for _, p := range all {
		c.Submissions = append(c.Submissions, &logpb.Submission{Publication: p})
	}
	read, err := new(entry.Reader).ReadAppend(c)
	if err != nil {
		r.Fatal(err)
	}
	return read
}

// sweep trims all that is due at a time, as a leader would.
func (r *rig) sweep(timeMs int64, settings func(ChannelID) *logpb.Settings) (rows int) {
	r.Helper()
	due, err := r.shard.Due(timeMs, 1000)
	if err != nil {
		r.Fatal(err)
	}
	if len(due) == 0 {
		return 0
	}
	c := &logpb.Trim{}
	for _, d := range due {
		row := &logpb.Due{DueMs: d.DueMs, TenantId: d.ID.Channel.Tenant, Channel: d.ID.Channel.Name, Producer: d.ID.Name}
		if s := settings(d.ID.Channel); s != nil {
			c.Settings = append(c.Settings, s)
			row.Settings = uint32(len(c.Settings))
		}
		c.Due = append(c.Due, row)
	}
	r.apply(func(*store.Batch) error { return r.shard.Trim(timeMs, c) })
	return len(due)
}

func logSettings(tenant uint64) *logpb.Settings {
	return &logpb.Settings{
		TenantId: tenant, Kind: weirpb.ChannelKind_CHANNEL_KIND_LOG, WindowAgeMs: 60_000, WindowBytes: 4000,
		WindowCount: 40, Keys: 5, DedupeAgeMs: 60_000,
	}
}

func stateSettings(tenant uint64) *logpb.Settings {
	s := logSettings(tenant)
	s.Kind = weirpb.ChannelKind_CHANNEL_KIND_STATE
	return s
}

// producerOf makes the nth producer that was issued at a time.
func producerOf(n int, issuedMs int64) string {
	return identity.New(time.UnixMilli(issuedMs), strings.NewReader(fmt.Sprintf("%016d", n)))
}

// rows lists all rows of a store.
func rows(t tester, s *store.Store) (all []string) {
	t.Helper()
	err := s.View(func(r store.Reader) error {
		return r.Scan(nil, nil, func(key, body []byte) (bool, error) {
			all = append(all, fmt.Sprintf("%q=%x", key, body))
			return true, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var _ tester = (*testing.T)(nil)
