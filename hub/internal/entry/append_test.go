package entry

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/publication"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

func TestAppendsAreWrittenAsTheLibraryDoes(t *testing.T) {
	for _, e := range []*logpb.Entry{
		full,
		{Command: &logpb.Entry_Append{Append: &logpb.Append{}}},
		{Command: &logpb.Entry_Append{}},
		{
			TimeMs: -1, Proposal: math.MaxUint64, Shard: math.MaxUint32,
			Command: &logpb.Entry_Append{Append: &logpb.Append{Submissions: []*logpb.Submission{{Settings: math.MaxUint32}}}},
		},
	} {
		want, err := proto.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Encode(e)
		if err != nil || !bytes.Equal(got, seal(want)) {
			t.Errorf("%v is written as %x, %v, want %x", e, got, err, seal(want))
		}
		if n := checksumBytes + sizeOfAppend(e.GetAppend()); len(got) > n {
			t.Errorf("%v has %d bytes, at most %d were expected", e, len(got), n)
		}
	}
	odd := &logpb.Append{Submissions: []*logpb.Submission{{Publication: &weirpb.Publication{Key: "\xff"}}}}
	if _, err := Encode(&logpb.Entry{Command: &logpb.Entry_Append{Append: odd}}); !errors.Is(err, publication.ErrText) {
		t.Errorf("text that is not UTF-8 is written: %v", err)
	}
}

func TestAnAppendTakesMemoryOnce(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { _, _ = Encode(full) }); n > 1 {
		t.Errorf("it is taken %v times", n)
	}
}
