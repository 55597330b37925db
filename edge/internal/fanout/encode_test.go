package fanout

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"weir/proto/frame"
	"weir/proto/weirpb"
)

// The encoder must know every field there is: one that the schema gains would be dropped on the way to clients.
func TestEncoderKnowsTheSchema(t *testing.T) {
	for _, test := range []struct {
		message proto.Message
		fields  map[protoreflect.Name]protowire.Number
	}{
		{&weirpb.Event{}, map[protoreflect.Name]protowire.Number{
			"offset": eventOffset, "time_ms": eventTime, "key": eventKey, "payload": eventPayload,
			"content_type": eventContentType, "headers": eventHeaders, "tombstone": eventTombstone,
		}},
		{&weirpb.Header{}, map[protoreflect.Name]protowire.Number{"name": headerName, "value": headerValue}},
		{&weirpb.Item{}, map[protoreflect.Name]protowire.Number{"kind": itemKind, "event": itemEvent}},
		{&weirpb.Cursor{}, map[protoreflect.Name]protowire.Number{"epoch": cursorEpoch, "offset": cursorOffset}},
		{&weirpb.Gap{}, map[protoreflect.Name]protowire.Number{"from": gapFrom, "to": gapTo, "reason": gapReason}},
		{&weirpb.Batch{}, map[protoreflect.Name]protowire.Number{
			"subscription": batchSubscription, "items": batchItems, "cursor": batchCursor, "revision": batchRevision,
			"skipped": batchSkipped, "skipped_bytes": batchSkippedBytes, "snapshot_begin": batchSnapshotBegin,
			"snapshot_end": batchSnapshotEnd, "gap": batchGap,
		}},
	} {
		fields := test.message.ProtoReflect().Descriptor().Fields()
		if fields.Len() != len(test.fields) {
			t.Errorf("%T has %d fields, the encoder knows %d", test.message, fields.Len(), len(test.fields))
		}
		for i := range fields.Len() {
			if f := fields.Get(i); test.fields[f.Name()] != f.Number() {
				t.Errorf("%T.%s is field %d, the encoder writes %d", test.message, f.Name(), f.Number(), test.fields[f.Name()])
			}
		}
	}
}

func FuzzEncodedBatchDecodesToTheSame(f *testing.F) {
	f.Add(uint64(1), int64(2), "key", []byte("payload"), "text/plain", "name", "value", false, uint8(1), uint64(9), uint32(3))
	f.Add(uint64(0), int64(-1), "", []byte(nil), "", "", "", true, uint8(5), uint64(1<<63), uint32(0))
	f.Fuzz(func(t *testing.T, offset uint64, timeMS int64, key string, payload []byte, contentType, name, value string,
		tombstone bool, kind uint8, number uint64, revision uint32,
	) {
		e := &weirpb.Event{
			Offset: offset, TimeMs: timeMS, Key: key, Payload: payload, ContentType: contentType, Tombstone: tombstone,
			Headers: []*weirpb.Header{{Name: name, Value: value}, {Name: value}},
		}
		if _, err := proto.Marshal(e); err != nil {
			t.Skip("not a message: a string is no UTF-8")
		}
		k := weirpb.ItemKind(1 + kind%5)
		want := &weirpb.Batch{
			Subscription: 7, Items: []*weirpb.Item{{Kind: k, Event: e}, {Kind: k, Event: e}},
			Cursor: &weirpb.Cursor{Epoch: number | 1, Offset: offset}, Revision: revision, Skipped: number, SkippedBytes: offset,
			SnapshotBegin: tombstone, SnapshotEnd: !tombstone, Gap: &weirpb.Gap{From: offset, To: number, Reason: key},
		}
		if k == weirpb.ItemKind_ITEM_KIND_LEAVE {
			want.Items[0].Event = &weirpb.Event{Offset: offset, TimeMs: timeMS, Key: key, Tombstone: tombstone}
			want.Items[1].Event = want.Items[0].Event
		}
		item := encodeItem(k, e, payload)
		if cap(item) > len(item)+itemOverhead {
			t.Errorf("%d bytes taken for an item of %d", cap(item), len(item))
		}
		b := beginBatch([]byte("before"), 7)
		b.add(item)
		b.dst = appendItem(b.dst, k, e, payload)
		out := b.end(trailer{
			cursor: position{number | 1, offset}, revision: revision, skipped: number, skippedBytes: offset,
			snapshotBegin: tombstone, snapshotEnd: !tombstone, gap: want.GetGap(),
		})
		if !bytes.HasPrefix(out, []byte("before")) {
			t.Fatalf("what was in the buffer is gone")
		}
		kindOf, body, err := frame.NewReader(bytes.NewReader(out[6:]), frame.MaxFromServer).Next()
		got := &weirpb.Batch{}
		if err != nil || kindOf != frame.Batch || frame.Decode(body, got) != nil {
			t.Fatalf("read back: %s, %v", kindOf, err)
		}
		if !proto.Equal(got, want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
	})
}
