package backup_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"weir/hub/backup"
	"weir/hub/internal/control"
	"weir/hub/internal/entry"
	"weir/hub/internal/placement"
	"weir/hub/internal/shard"
	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

const startMs = 1_700_000_000_000

// A state is a region's state, made by applying commands as a hub would.
type state struct {
	t      testing.TB
	stores []*store.Store
	index  uint64
}

// newState returns the state of a region with a tenant, and channels of both kinds on each of two shards.
func newState(t testing.TB) *state {
	s := &state{t: t}
	for i := range 3 {
		opened, err := store.Open(filepath.Join(t.TempDir(), fmt.Sprint(i)), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := opened.Close(); err != nil {
				t.Error(err)
			}
		})
		s.stores = append(s.stores, opened)
	}
	c, err := control.Open(s.stores[0])
	s.must(err)
	for _, command := range []*logpb.ControlCommand{
		{Command: &logpb.ControlCommand_Initialise{Initialise: &logpb.Initialise{
			Region: "old", Shards: 2, Nodes: []*logpb.NodeRecord{{Id: "hub-1", Incarnation: "x"}},
			Root: &logpb.ApiKeyRecord{ApiKey: &weirpb.ApiKey{Id: "root"}, SecretSha256: []byte("hash")},
		}}},
		{Command: &logpb.ControlCommand_CreateTenant{CreateTenant: &logpb.CreateTenant{Name: "acme"}}},
	} {
		s.batch(0, func(b *store.Batch) error {
			_, err := c.Apply(b, s.index+1, startMs, command)
			return err
		})
		c.Commit()
	}
	id := c.State().Tenants["acme"].ID()
	for n := 1; n <= 2; n++ {
		s.fill(n, id)
	}
	return s
}

func (s *state) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// batch commits what change does as the next entry of a group.
func (s *state) batch(group int, change func(b *store.Batch) error) {
	s.t.Helper()
	b := s.stores[group].NewBatch()
	s.must(change(b))
	s.index++
	s.must(b.Put([]byte{store.OfReplica, 'a'}, binary.BigEndian.AppendUint64(nil, s.index)))
	s.must(s.stores[group].Commit(b))
}

// fill publishes to a shard: more events than its windows keep, keys that come and go, more than a producer's slots.
func (s *state) fill(group int, tenant uint64) {
	s.t.Helper()
	sh, err := shard.Open(s.stores[group], placement.Shard(group), shard.Bounds{}, nil)
	s.must(err)
	sh.Init(&logpb.InitShard{BaseEpoch: startMs})
	s.batch(group, sh.Finish)
	var reader entry.Reader
	settings := []*logpb.Settings{
		{TenantId: tenant, WindowAgeMs: 1 << 40, WindowBytes: 1 << 30, WindowCount: 64, Keys: 100, DedupeAgeMs: 1 << 40},
		{
			TenantId: tenant, Kind: weirpb.ChannelKind_CHANNEL_KIND_STATE, WindowAgeMs: 1 << 40, WindowBytes: 1 << 30, WindowCount: 64,
			Keys: 100, DedupeAgeMs: 1 << 40,
		},
	}
	who := producer.New(time.UnixMilli(startMs), bytes.NewReader(bytes.Repeat([]byte{byte(group)}, 16)))
	for n := uint64(1); n <= 1100; n++ {
		a := &logpb.Append{Settings: settings, Submissions: []*logpb.Submission{
			{Publication: &weirpb.Publication{
				Channel: fmt.Sprintf("log-%d", group), Payload: fmt.Appendf(nil, "event %d", n), Producer: who, Sequence: n,
			}},
			{Settings: 1, Publication: &weirpb.Publication{
				Channel: "state", Key: fmt.Sprint(n % 7), Tombstone: n%5 == 0, Payload: fmt.Appendf(nil, "value %d", n),
			}},
		}}
		publications, err := reader.ReadAppend(a)
		s.must(err)
		_, err = sh.Append(startMs+int64(n), publications, nil)
		s.must(err)
		s.batch(group, sh.Finish)
	}
}

// appliedIn returns the index of a group's state.
func (s *state) appliedIn(group int) (index uint64) {
	s.t.Helper()
	s.must(s.stores[group].View(func(r store.Reader) error {
		_, err := r.Get([]byte{store.OfReplica, 'a'}, func(body []byte) error {
			index = binary.BigEndian.Uint64(body)
			return nil
		})
		return err
	}))
	return index
}

// archive writes the state as an archive. change may change a row, or leave it out by returning a nil key.
func (s *state) archive(change func(group int, key, value []byte) ([]byte, []byte)) ([]byte, *backup.Manifest, error) {
	s.t.Helper()
	var b bytes.Buffer
	w, err := backup.NewWriter(&b, backup.Header{Region: "old", Node: "hub-1", Shards: 2, MadeMs: startMs})
	s.must(err)
	defer w.Close()
	for i, from := range s.stores {
		s.must(w.Begin(backup.Group{Group: uint32(i), Index: s.appliedIn(i), Term: 3}))
		err := from.View(func(r store.Reader) error {
			return r.ScanSealed(func(key, value []byte) error {
				if change != nil {
					if key, value = change(i, bytes.Clone(key), bytes.Clone(value)); key == nil {
						return nil
					}
				}
				return w.Row(key, value)
			})
		})
		if err != nil {
			return nil, nil, err
		}
		if err := w.End(); err != nil {
			return nil, nil, err
		}
	}
	m, err := w.Finish()
	return b.Bytes(), m, err
}

// whole is archive of a state that is right.
func (s *state) whole() []byte {
	s.t.Helper()
	a, _, err := s.archive(nil)
	s.must(err)
	return a
}
