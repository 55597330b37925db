package entry

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// full is an Append of publications that have everything, something and nothing.
var full = &logpb.Entry{TimeMs: 5, Proposal: 6, Shard: 1, Command: &logpb.Entry_Append{Append: &logpb.Append{
	Settings: []*logpb.Settings{{TenantId: 7, Keys: 5}, {}},
	Submissions: []*logpb.Submission{
		{Publication: &weirpb.Publication{
			Channel: "chat:a", Key: "k", Payload: []byte("hello"), ContentType: "text/plain", Tombstone: true,
			Headers: []*weirpb.Header{{Name: "a", Value: "b"}, {Name: "c"}, {Value: "d"}},
			Ack:     weirpb.Ack_ACK_REGION, Producer: "p-1", Sequence: 9,
		}},
		{Settings: 1, Publication: &weirpb.Publication{Channel: "chat", Payload: []byte("hello")}},
		{Publication: &weirpb.Publication{}},
		{Settings: 2, Publication: &weirpb.Publication{Channel: "no settings"}},
		{},
	},
}}}

func seal(body []byte) []byte {
	sealed := binary.LittleEndian.AppendUint32(nil, crc32.Checksum(body, castagnoli))
	return append(sealed, body...)
}

// compare holds what a Reader makes of an entry against what the library does.
func compare(t *testing.T, r *Reader, encoded []byte) {
	t.Helper()
	want, wrong := Decode(encoded)
	got, err := r.Read(encoded)
	if (err == nil) != (wrong == nil) || err != nil && !errors.Is(err, ErrCorrupt) {
		t.Fatalf("%x is read with %v, by the library with %v", encoded, err, wrong)
	}
	if err != nil {
		return
	}
	if got.TimeMs != want.GetTimeMs() || got.Proposal != want.GetProposal() || got.Shard != want.GetShard() {
		t.Fatalf("%x is read as %+v, by the library as %v", encoded, got, want)
	}
	if want.GetAppend() == nil {
		if got.Append != nil || !proto.Equal(got.Other, want) {
			t.Fatalf("%x is read as %+v, by the library as %v", encoded, got, want)
		}
		return
	}
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(encoded[checksumBytes:], want); err != nil {
		t.Fatal(err)
	}
	compareAppends(t, got.Append, want.GetAppend())
}

func compareAppends(t *testing.T, got *Append, want *logpb.Append) {
	t.Helper()
	if len(got.Settings) != len(want.GetSettings()) || len(got.Publications) != len(want.GetSubmissions()) {
		t.Fatalf("it has %d settings and %d publications, not as %v", len(got.Settings), len(got.Publications), want)
	}
	for i, s := range want.GetSettings() {
		if !proto.Equal(got.Settings[i], s) {
			t.Fatalf("settings %d are %v, not %v", i, got.Settings[i], s)
		}
	}
	for i, s := range want.GetSubmissions() {
		p, is := s.GetPublication(), &got.Publications[i]
		settings := int(s.GetSettings())
		if settings >= len(want.GetSettings()) || p == nil {
			settings = -1
		}
		read := &weirpb.Publication{
			Channel: string(is.Channel), Key: string(is.Key), Payload: is.Payload, ContentType: string(is.ContentType),
			Headers: p.GetHeaders(), Tombstone: is.Tombstone, Ack: p.GetAck(), Producer: string(is.Producer), Sequence: is.Sequence,
		}
		if is.Settings != settings || !equal(read, p) {
			t.Fatalf("publication %d is %v with settings %d, not %v", i, read, is.Settings, s)
		}
		compareEvents(t, is, p)
	}
}

func equal(a, b *weirpb.Publication) bool {
	return b == nil && proto.Size(a) == 0 || proto.Equal(a, b)
}

// compareEvents makes an event of a publication.
func compareEvents(t *testing.T, is *Publication, p *weirpb.Publication) {
	t.Helper()
	want, err := proto.MarshalOptions{Deterministic: true}.Marshal(&weirpb.Event{
		Offset: 1 << 40, TimeMs: -1, Key: p.GetKey(), Payload: p.GetPayload(), ContentType: p.GetContentType(),
		Headers: p.GetHeaders(), Tombstone: p.GetTombstone(),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := is.AppendEvent(nil, 1<<40, -1)
	if !bytes.Equal(got, want) || len(got) > is.EventBytes() {
		t.Fatalf("it becomes the event %x of at most %d bytes, not %x", got, is.EventBytes(), want)
	}
}

func TestEntriesAreReadAsTheLibraryReadsThem(t *testing.T) {
	r := &Reader{}
	plain, err := Encode(full)
	if err != nil {
		t.Fatal(err)
	}
	if _, usual := r.read(plain[checksumBytes:]); !usual {
		t.Error("what Encode writes is not taken for it")
	}
	body := plain[checksumBytes:]
	for what, encoded := range map[string][]byte{
		"as written":       plain,
		"twice, so merged": seal(append(bytes.Clone(body), body...)),
		"unknown field":    seal(append(bytes.Clone(body), 0xa0, 0x06, 0x01)),
		"cut short":        seal(body[:len(body)-1]),
		"damaged":          append(bytes.Clone(plain[:len(plain)-1]), plain[len(plain)-1]^1),
		"short":            plain[:3],
		"without anything": seal(nil),
	} {
		t.Run(what, func(t *testing.T) { compare(t, r, encoded) })
	}
}

func TestReadingAllocatesOnlySettings(t *testing.T) {
	c := &logpb.Append{Settings: []*logpb.Settings{{TenantId: 1}}}
	for i := range 100 {
		c.Submissions = append(c.Submissions, &logpb.Submission{Publication: &weirpb.Publication{
			Channel: "chat", Payload: make([]byte, 200), Producer: fmt.Sprint(i), Sequence: 1,
		}})
	}
	encoded, err := Encode(&logpb.Entry{Command: &logpb.Entry_Append{Append: c}})
	if err != nil {
		t.Fatal(err)
	}
	r := &Reader{}
	n := testing.AllocsPerRun(100, func() {
		if e, err := r.Read(encoded); err != nil || len(e.Append.Publications) != 100 {
			t.Fatal(err)
		}
	})
	if n > 1 {
		t.Errorf("%v allocations an entry", n)
	}
}

func FuzzRead(f *testing.F) {
	for _, e := range []*logpb.Entry{full, {TimeMs: 1, Command: &logpb.Entry_DropTenant{DropTenant: &logpb.DropTenant{TenantId: 7}}}} {
		encoded, err := Encode(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encoded[checksumBytes:])
	}
	r := &Reader{}
	f.Fuzz(func(t *testing.T, body []byte) { compare(t, r, seal(body)) })
}
