package entry_test

import (
	"bytes"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/entry"
	"weir/proto/logpb"
)

var some = &logpb.Entry{TimeMs: 5, Proposal: 6, Shard: 1, Command: &logpb.Entry_DropTenant{DropTenant: &logpb.DropTenant{TenantId: 7}}}

func TestEntriesAreReadAsWritten(t *testing.T) {
	encoded, err := entry.Encode(some)
	if err != nil {
		t.Fatal(err)
	}
	again, err := entry.Decode(encoded)
	if err != nil || !proto.Equal(some, again) {
		t.Errorf("%v, %v", again, err)
	}
	for bit := range len(encoded) * 8 {
		damaged := bytes.Clone(encoded)
		damaged[bit/8] ^= 1 << (bit % 8)
		if _, err := entry.Decode(damaged); !errors.Is(err, entry.ErrCorrupt) {
			t.Errorf("bit %d can be changed: %v", bit, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	encoded, err := entry.Encode(some)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	f.Add([]byte{0, 0, 0, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		if _, err := entry.Decode(encoded); err != nil && !errors.Is(err, entry.ErrCorrupt) {
			t.Errorf("the error is %v", err)
		}
	})
}
