package backup_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"weir/hub/backup"
	"weir/hub/internal/store"
	"weir/proto/fault"
)

func TestArchiveSaysWhatItHas(t *testing.T) {
	s := newState(t)
	archive, written, err := s.archive(nil)
	s.must(err)
	var channels []string
	m, err := backup.Verify(bytes.NewReader(archive), func(c backup.Channel) {
		channels = append(channels, fmt.Sprintf("%d %s %d-%d", c.Group, c.Name, c.FirstOffset, c.NextOffset))
	})
	s.must(err)
	if m.SHA256 != written.SHA256 || m.Region != "old" || m.Shards != 2 || len(m.Groups) != 3 || m.Groups[0].Tenants != 1 {
		t.Errorf("the manifest is %+v, written was %+v", m, written)
	}
	g := m.Groups[2]
	if g.Index != s.appliedIn(2) || g.Term != 3 || g.Channels != 2 || g.Producers != 1 || g.Keys == 0 || g.NewestMs != startMs+1100 {
		t.Errorf("shard 2 is %+v", g)
	}
	// Windows of 64 lose whole segments of 4.
	if want := "[1 log-1 1037-1101 1 state 1037-1101 2 log-2 1037-1101 2 state 1037-1101]"; fmt.Sprint(channels) != want {
		t.Errorf("the channels are %v, not %s", channels, want)
	}
	if m.Events() != 4*64 {
		t.Errorf("there are %d events", m.Events())
	}
	before := archive[:bytes.LastIndex(archive, []byte(`{"region"`))-13]
	if sum := sha256.Sum256(before); hex.EncodeToString(sum[:]) != m.SHA256 {
		t.Error("the sum is not that of the bytes before the manifest")
	}
}

func TestEqualStatesAreEqualBytes(t *testing.T) {
	s := newState(t)
	if !bytes.Equal(s.whole(), s.whole()) {
		t.Error("two archives of one state differ")
	}
}

// TestEveryFlippedBitIsFound flips bits all over an archive.
func TestEveryFlippedBitIsFound(t *testing.T) {
	archive := newState(t).whole()
	for at := 0; at < len(archive); at += 1 + len(archive)/500 {
		bad := bytes.Clone(archive)
		bad[at] ^= 1 << (at % 8)
		_, err := backup.Verify(bytes.NewReader(bad), nil)
		if !errors.Is(err, backup.ErrDamaged) && !errors.Is(err, backup.ErrTruncated) &&
			!errors.Is(err, backup.ErrNoArchive) && !errors.Is(err, backup.ErrTooNew) {
			t.Errorf("with another bit in byte %d: %v", at, err)
		}
	}
}

func TestEveryCutIsFound(t *testing.T) {
	archive := newState(t).whole()
	for n := 0; n < len(archive); n += 1 + len(archive)/500 {
		_, err := backup.Verify(bytes.NewReader(archive[:n]), nil)
		if !errors.Is(err, backup.ErrTruncated) && !errors.Is(err, backup.ErrNoArchive) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
	if _, err := backup.Verify(bytes.NewReader(append(archive, 0)), nil); !errors.Is(err, backup.ErrDamaged) {
		t.Errorf("with something behind: %v", err)
	}
}

func TestForeignAndNewerFilesAreRefused(t *testing.T) {
	for text, want := range map[string]error{
		"":                       backup.ErrNoArchive,
		"weir backup":            backup.ErrNoArchive,
		"weir backup \n":         backup.ErrNoArchive,
		"weir backup 0\n":        backup.ErrNoArchive,
		"weir backup -1\n":       backup.ErrNoArchive,
		"PK\x03\x04 not a tar\n": backup.ErrNoArchive,
		"weir backup 3\n":        backup.ErrTooNew,
		"weir backup 1\n":        backup.ErrTruncated,
	} {
		if _, err := backup.Verify(strings.NewReader(text), nil); !errors.Is(err, want) {
			t.Errorf("%q: %v, not %v", text, err, want)
		}
	}
}

// kindOf names the kind of a row: "Se" is a shard's event, "Ct" a tenant.
func kindOf(key []byte) string {
	if key[0] == store.OfShard {
		return "S" + string(key[5])
	}
	return string(key[:2])
}

// A damage is what is wrong with a state. It returns what becomes of the nth row of a kind of a group, nil for nothing.
type damage func(group int, kind string, nth int, key, value []byte) ([]byte, []byte)

// without leaves rows of a kind out.
func without(kind string, which func(nth int) bool) damage {
	return func(_ int, k string, nth int, key, value []byte) ([]byte, []byte) {
		if k == kind && which(nth) {
			return nil, nil
		}
		return key, value
	}
}

// with changes the key of a row, maybe with the checksum for it.
func with(group int, kind string, nth int, sealed bool, change func(key []byte)) damage {
	return func(g int, k string, n int, key, value []byte) ([]byte, []byte) {
		if g == group && k == kind && n == nth {
			change(key)
			if sealed {
				store.Seal(key, value)
			}
		}
		return key, value
	}
}

// TestDamagedStateIsNotBackedUp leaves rows out or changes them, most with right checksums, as a fault of the hub would.
func TestDamagedStateIsNotBackedUp(t *testing.T) {
	s := newState(t)
	nth := func(n int) func(int) bool { return func(i int) bool { return i == n } }
	first := func(n int) func(int) bool { return func(i int) bool { return i < n } }
	for name, damage := range map[string]damage{
		"an event is missing in the middle":   without("Se", nth(20)),
		"the first events are missing":        without("Se", first(3)),
		"the newest event is missing":         without("Se", nth(63)),
		"all events of a channel are missing": without("Se", first(64)),
		"a channel is missing":                without("Sc", first(1)),
		"a key is missing":                    without("Sk", first(1)),
		"remembered publications are missing": without("Ss", nth(30)),
		"a producer is missing":               without("Sp", first(1)),
		"the tenant is missing":               without("Ct", first(1)),
		"the control state is missing":        without("Ci", first(1)),
		"the index is missing":                without("Ra", first(1)),
		"a row is another's":                  with(1, "Se", 5, false, func(key []byte) { key[len(key)-1]++ }),
		"a row is twice there":                with(1, "Se", 5, true, func(key []byte) { key[len(key)-1]-- }),
		"a row is of another shard":           with(1, "Se", 5, true, func(key []byte) { key[4]++ }),
		"a row is of a kind that is unknown":  with(1, "Sp", 0, true, func(key []byte) { key[5] = 'q' }),
	} {
		t.Run(name, func(t *testing.T) {
			counts := map[string]int{}
			_, _, err := s.archive(func(group int, key, value []byte) ([]byte, []byte) {
				which := fmt.Sprint(group, kindOf(key))
				counts[which]++
				return damage(group, kindOf(key), counts[which]-1, key, value)
			})
			if err == nil {
				t.Error("it is")
			}
			t.Log(err)
		})
	}
}

func TestReaderLearnsWhyTheWriterGaveUp(t *testing.T) {
	var b bytes.Buffer
	w, err := backup.NewWriter(&b, backup.Header{Region: "old", Node: "hub-1", Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Fail(fault.New(fault.Unavailable, "the hub is shutting down").WithHint("ask another node")); err != nil {
		t.Fatal(err)
	}
	_, err = backup.Verify(&b, nil)
	f := fault.From(err)
	if !errors.Is(err, backup.ErrGivenUp) || f.Code != fault.Unavailable || f.Hint != "ask another node" {
		t.Errorf("the error is %v, the fault %+v", err, f)
	}
}

func TestGroupsComeInOrder(t *testing.T) {
	w, err := backup.NewWriter(&bytes.Buffer{}, backup.Header{Region: "old", Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Begin(backup.Group{Group: 1, Index: 1}); err == nil {
		t.Error("a shard comes before the control state")
	}
	if _, err := w.Finish(); err == nil {
		t.Error("an archive without groups is finished")
	}
}

// FuzzVerify looks for archives that make the parser panic, hang or take memory for what is only announced.
func FuzzVerify(f *testing.F) {
	archive := newState(f).whole()
	f.Add(archive)
	f.Add(archive[:len(archive)/2])
	f.Add([]byte("weir backup 1\n"))
	f.Add([]byte("weir backup 1\nH\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x00{}"))
	f.Add([]byte("weir backup 1\nR\x00\x40\x00\x00\x00\x7f\xff\xff\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, archive []byte) {
		_, _ = backup.Verify(bytes.NewReader(archive), func(backup.Channel) {})
	})
}
