package publication_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/publication"
	"weir/proto/weirpb"
)

var publications = []*weirpb.Publication{
	{},
	{Channel: "chat", Payload: make([]byte, 200), Producer: "mwm0nk74-000102030405060708090a0b0c0d0eff", Sequence: 7},
	{
		Channel: "map", Key: "é", Payload: []byte("x"), ContentType: "text/plain", Tombstone: true, Ack: weirpb.Ack_ACK_NONE,
		Headers: []*weirpb.Header{{Name: "a", Value: "b"}, {}}, Sequence: math.MaxUint64,
	},
	{Ack: -1, Headers: []*weirpb.Header{{Name: string(make([]byte, 300))}}},
}

func TestAppendWritesWhatTheLibraryDoes(t *testing.T) {
	for _, p := range publications {
		want, err := proto.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := publication.Append([]byte("before"), p)
		if err != nil || !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Errorf("%v: %x, %v, want %x", p, got, err, want)
		}
		if n := publication.Size(p); n != len(want) {
			t.Errorf("%v: Size = %d, want %d", p, n, len(want))
		}
	}
	if got, err := publication.Append(nil, nil); len(got) != 0 || err != nil || publication.Size(nil) != 0 {
		t.Errorf("nothing becomes %x, %v", got, err)
	}
}

func TestTextIsUTF8(t *testing.T) {
	const odd = "\xff"
	for _, p := range []*weirpb.Publication{
		{Channel: odd},
		{Key: odd},
		{ContentType: odd},
		{Producer: odd},
		{Headers: []*weirpb.Header{{Name: odd}}},
		{Headers: []*weirpb.Header{{Value: odd}}},
	} {
		if _, err := publication.Append(nil, p); !errors.Is(err, publication.ErrText) {
			t.Errorf("%v is written: %v", p, err)
		}
	}
}

// FuzzRead reads what may come as the library does: the same is refused, and the same is understood. What is understood is
// written as the library writes it.
func FuzzRead(f *testing.F) {
	for _, p := range publications {
		encoded, err := proto.Marshal(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encoded)
		f.Add(append(bytes.Clone(encoded), encoded...)) // the later overrides
	}
	f.Add([]byte{0x0a, 1, 0xff})
	f.Add([]byte{0x08, 1, 0x32, 1, 1, 0x48, 3, 0x4a, 0}) // fields of other types
	f.Add([]byte{0x80, 0xff, 0xff, 0xff, 0x30, 0x30})    // a field number that is too large
	f.Fuzz(func(t *testing.T, encoded []byte) {
		got, want := &weirpb.Publication{}, &weirpb.Publication{}
		err := publication.Read(encoded, got)
		failed := proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(encoded, want)
		if (failed != nil) != (err != nil) {
			t.Fatalf("%x: %v, but Protocol Buffers say %v", encoded, err, failed)
		}
		if err != nil {
			return
		}
		if !proto.Equal(got, want) {
			t.Fatalf("%x: %v, want %v", encoded, got, want)
		}
		written, err := publication.Append(nil, got)
		again, failed := proto.Marshal(want)
		if err != nil || failed != nil || !bytes.Equal(written, again) || publication.Size(got) != len(again) {
			t.Fatalf("%x: written as %x (%d), %v, want %x, %v", encoded, written, publication.Size(got), err, again, failed)
		}
	})
}

func TestMemory(t *testing.T) {
	p := publications[1]
	encoded, err := publication.Append(nil, p)
	if err != nil {
		t.Fatal(err)
	}
	dst, into := make([]byte, 0, 1<<10), &weirpb.Publication{}
	for name, one := range map[string]struct {
		most float64
		run  func()
	}{
		"Append": {0, func() { _, _ = publication.Append(dst, p) }},
		// The channel, the payload and the producer.
		"Read": {3, func() { _ = publication.Read(encoded, into) }},
	} {
		if n := testing.AllocsPerRun(100, one.run); n > one.most {
			t.Errorf("%s allocates %v times, at most %v are expected", name, n, one.most)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	dst := make([]byte, 0, 1<<10)
	for b.Loop() {
		_, _ = publication.Append(dst, publications[1])
	}
}

func BenchmarkRead(b *testing.B) {
	encoded, err := publication.Append(nil, publications[1])
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		_ = publication.Read(encoded, &weirpb.Publication{})
	}
}
