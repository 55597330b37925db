package machine_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/hub/internal/shard"
	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

// TestRunsAreReadAsSingleEvents tells random histories, in which entries have many events of a channel, to a machine that stores
// runs of them and to one that has a row for each: windows move by age, bytes and count, keys come and go, tenants are
// dropped, and the one with runs is stopped or crashes at any point. Whatever is read is the same.
func TestRunsAreReadAsSingleEvents(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 11))
			h := &history{
				pair:  &pair{t: t, random: r, rows: &store.Memory{}},
				nowMs: time0.UnixMilli(), sequences: map[string]uint64{}, settings: drawWindows(r),
			}
			h.bounds = shard.Bounds{Cached: 1 + r.IntN(12), Pending: 1 << (8 + r.IntN(10)), Run: 1 << (5 + r.IntN(10))}
			h.plain, h.behind = openIn(t, &store.Memory{}, shard.Bounds{Pending: 1, Run: 1}), openIn(t, h.rows, h.bounds)
			h.applyEntry(&logpb.Entry{TimeMs: h.nowMs, Shard: 1, Command: &logpb.Entry_InitShard{InitShard: &logpb.InitShard{BaseEpoch: 5}}})
			for range 300 {
				h.step()
			}
			if !slices.Equal(h.behind.contents(t), h.plain.contents(t)) {
				t.Error("the stores differ")
			}
			if h.shared == 0 {
				t.Error("no two events have shared a row")
			}
		})
	}
}

// A history is what happens to a pair.
type history struct {
	*pair
	nowMs    int64
	settings []*logpb.Settings
	// sequences has the last publication of a producer on a channel.
	sequences map[string]uint64
	// shared is how many events more than rows there were at all looks.
	shared uint64
}

// drawWindows returns settings of log and state channels of three tenants, of windows in all sizes.
func drawWindows(r *rand.Rand) []*logpb.Settings {
	all := drawSettings(r)
	for _, s := range all {
		s.WindowAgeMs, s.WindowBytes, s.WindowCount = 1<<(8+r.IntN(10)), 1<<(8+r.IntN(10)), 1<<r.IntN(11)
	}
	return all
}

func (h *history) step() {
	r := h.random
	h.nowMs += r.Int64N(1 << r.IntN(12))
	switch r.IntN(30) {
	case 0:
		h.crash()
	case 1: // a stop, which writes everything
		if err := h.behind.store.Close(); err != nil {
			h.t.Fatal(err)
		}
		h.behind = openIn(h.t, h.rows, h.bounds)
	case 2:
		_ = h.rows.Flush()
	case 3, 4:
		h.sweepAll()
	case 5:
		if r.IntN(4) == 0 {
			tenant := 1 + r.Uint64N(2) // one always stays
			h.applyEntry(&logpb.Entry{TimeMs: h.nowMs, Shard: 1, Command: &logpb.Entry_DropTenant{DropTenant: &logpb.DropTenant{TenantId: tenant}}})
		}
	case 6: // settings change
		s := drawWindows(r)
		h.settings[r.IntN(len(s))] = s[r.IntN(len(s))]
	case 7, 8, 9, 10, 11:
		h.look(h.nowMs)
	default:
		h.publishSome()
	}
	if r.IntN(20) == 0 {
		h.check()
	}
}

// publishSome has an entry publish to few channels.
func (h *history) publishSome() {
	r := h.random
	c := &logpb.Append{Settings: h.settings}
	at := r.Uint32N(uint32(len(c.Settings)))
	for range 1 + r.IntN(1<<r.IntN(8)) {
		if r.IntN(10) == 0 {
			at = r.Uint32N(uint32(len(c.Settings)))
		}
		s := c.Settings[at]
		p := &weirpb.Publication{Channel: "log", Payload: make([]byte, r.IntN(1<<r.IntN(9)))}
		if s.Kind == weirpb.ChannelKind_CHANNEL_KIND_STATE {
			p.Channel, p.Key, p.Tombstone = "map", fmt.Sprint(r.IntN(6)), r.IntN(4) == 0
		}
		if r.IntN(2) == 0 {
			p.Producer = producer.New(time.UnixMilli(h.nowMs-h.nowMs%20_000), strings.NewReader(fmt.Sprintf("%016d", r.IntN(3))))
			at := fmt.Sprint(s.TenantId, p.Channel, p.Producer)
			if r.IntN(20) != 0 {
				h.sequences[at]++
			}
			p.Sequence = max(1, h.sequences[at])
		}
		c.Submissions = append(c.Submissions, &logpb.Submission{Settings: at, Publication: p})
	}
	h.applyEntry(&logpb.Entry{TimeMs: h.nowMs, Shard: 1, Command: &logpb.Entry_Append{Append: c}})
}

// sweepAll trims what is due, under the settings that hold now.
func (h *history) sweepAll() {
	h.t.Helper()
	due, err := h.plain.Reader(1).Due(h.nowMs, 100)
	if err != nil {
		h.t.Fatal(err)
	}
	if got, err := h.behind.Reader(1).Due(h.nowMs, 100); err != nil || !slices.Equal(got, due) {
		h.t.Fatalf("after entry %d, due are %v, not %v; %v", len(h.log), got, due, err)
	}
	c := &logpb.Trim{Settings: h.settings}
	for _, d := range due {
		row := &logpb.Due{DueMs: d.DueMs, TenantId: d.ID.Channel.Tenant, Channel: d.ID.Channel.Name, Producer: d.ID.Name}
		for i, s := range h.settings {
			if s.TenantId == row.TenantId && (s.Kind == weirpb.ChannelKind_CHANNEL_KIND_STATE) == (row.Channel == "map") {
				row.Settings = uint32(i + 1)
			}
		}
		c.Due = append(c.Due, row)
	}
	h.applyEntry(&logpb.Entry{TimeMs: h.nowMs, Shard: 1, Command: &logpb.Entry_Trim{Trim: c}})
}

// check asks that all rows of the shard with runs belong together.
func (h *history) check() {
	h.t.Helper()
	c := shard.NewCheck(1)
	rows := uint64(0)
	err := h.behind.store.View(func(r store.Reader) error {
		return r.Scan([]byte{store.OfShard}, []byte{store.OfShard + 1}, func(key, body []byte) (bool, error) {
			if key[5] == 'e' {
				rows++
			}
			return true, c.Row(key, body)
		})
	})
	if err := errors.Join(err, c.End()); err != nil {
		h.t.Fatalf("after entry %d: %v", len(h.log), err)
	}
	h.shared += c.Counts().Events - rows
}
