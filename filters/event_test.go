package filters

import (
	"encoding/binary"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"weir/proto/weirpb"
)

// readEvent reads an event as a guest does, by ABI.md, and checks what ABI.md promises about it.
func readEvent(t *rapid.T, b []byte) (channel string, e *weirpb.Event) {
	u32 := func(at int) int { return int(binary.LittleEndian.Uint32(b[at:])) }
	span := func(at int) string { return string(b[u32(at) : u32(at)+u32(at+4)]) }
	if len(b)%8 != 0 {
		t.Fatalf("the event has %d bytes", len(b))
	}
	if u32(48)%8 != 0 {
		t.Fatalf("the payload begins at %d", u32(48))
	}
	if !slices.Equal(b[u32(48)+u32(52):][:8], make([]byte, 8)) {
		t.Fatal("the payload is not followed by 8 zeros")
	}
	e = &weirpb.Event{
		Offset: binary.LittleEndian.Uint64(b), TimeMs: int64(binary.LittleEndian.Uint64(b[8:])), Tombstone: u32(16)&1 != 0,
		Key: span(32), ContentType: span(40), Payload: []byte(span(48)),
	}
	if ephemeral := u32(16)&2 != 0; ephemeral != (e.Offset == 0) {
		t.Fatalf("ephemeral is %v at offset %d", ephemeral, e.Offset)
	}
	table, count := u32(56), u32(20)
	if u32(60) != 16*count || table%8 != 0 {
		t.Fatalf("%d headers have %d bytes at %d", count, u32(60), table)
	}
	for i := range count {
		e.Headers = append(e.Headers, &weirpb.Header{Name: span(table + 16*i), Value: span(table + 16*i + 8)})
	}
	return span(24), e
}

func TestEventsAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 20, 60)
		e := &weirpb.Event{
			Offset: rapid.Uint64().Draw(t, "offset"), TimeMs: rapid.Int64().Draw(t, "time"), Key: text.Draw(t, "key"),
			Payload: rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "payload"), ContentType: text.Draw(t, "type"),
			Tombstone: rapid.Bool().Draw(t, "tombstone"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			e.Headers = append(e.Headers, &weirpb.Header{Name: text.Draw(t, "name"), Value: text.Draw(t, "value")})
		}
		before := rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "before")
		channel := text.Draw(t, "channel")
		all := AppendEvent(slices.Clone(before), channel, e)
		gotChannel, got := readEvent(t, all[len(before):])
		if gotChannel != channel || !proto.Equal(got, e) {
			t.Fatalf("wrote %q %v\nread  %q %v", channel, e, gotChannel, got)
		}
	})
}

func TestAppendEventAllocatesNothing(t *testing.T) {
	e := &weirpb.Event{Offset: 1, Key: "key", Payload: make([]byte, 300), Headers: []*weirpb.Header{{Name: "a", Value: "b"}}}
	dst := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { dst = AppendEvent(dst[:0], "channel", e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
