package linkwire_test

import (
	"bytes"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/linkwire"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

var publications = []*weirpb.Publication{
	{},
	{Channel: "chat", Payload: make([]byte, 200), Producer: "mwm0nk74-000102030405060708090a0b0c0d0eff", Sequence: 7},
	{
		Channel: "map", Key: "é", Payload: []byte("x"), ContentType: "text/plain", Tombstone: true, Ack: weirpb.Ack_ACK_NONE,
		Headers: []*weirpb.Header{{Name: "a", Value: "b"}, {}}, Sequence: math.MaxUint64,
	},
}

func TestPublishIsWhatTheSchemaSays(t *testing.T) {
	for _, p := range publications {
		for _, id := range []uint64{0, 1, 1 << 40, math.MaxUint64} {
			body, err := linkwire.AppendPublication(nil, "acme", p)
			if err != nil {
				t.Fatal(err)
			}
			got := &linkpb.Publish{}
			if err := expect(linkwire.AppendPublish(nil, id, id/2, body), linkwire.Publish, got); err != nil {
				t.Fatal(err)
			}
			want := &linkpb.Publish{Id: id, Tenant: "acme", Publication: p, Term: id / 2}
			if !proto.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		}
	}
	if _, err := linkwire.AppendPublication(nil, "\xff", &weirpb.Publication{}); err == nil {
		t.Error("a tenant that is not UTF-8 is written")
	}
	if _, err := linkwire.AppendPublication(nil, "acme", &weirpb.Publication{Key: "\xff"}); err == nil {
		t.Error("a key that is not UTF-8 is written")
	}
}

func TestReceiptIsWhatTheSchemaSays(t *testing.T) {
	for _, want := range []*linkpb.Published{
		{Receipt: &weirpb.Receipt{}},
		{Id: 7, Receipt: &weirpb.Receipt{Epoch: 1795000000000, Offset: 1, TimeMs: 1795000000123}},
		{Id: math.MaxUint64, Receipt: &weirpb.Receipt{Epoch: math.MaxUint64, Offset: math.MaxUint64, Duplicate: true, TimeMs: -1}},
	} {
		got := &linkpb.Published{}
		if err := expect(linkwire.AppendReceipt(nil, want.GetId(), want.GetReceipt()), linkwire.Published, got); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func expect(encoded []byte, want frame.Type, m proto.Message) error {
	return linkwire.NewReader(bytes.NewReader(encoded), linkwire.MaxPublish).Expect(want, m)
}

// FuzzReadPublish reads what may come as the schema does: the same is refused, and the same is understood.
func FuzzReadPublish(f *testing.F) {
	for _, p := range publications {
		encoded, err := proto.Marshal(&linkpb.Publish{Id: 1, Tenant: "acme", Publication: p, Term: 2})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encoded)
		f.Add(append(bytes.Clone(encoded), encoded...))       // the later overrides
		f.Add(append(bytes.Clone(encoded), 0x7a, 1, 0, 0x0d)) // an unknown field, and one of another type that is cut off
	}
	f.Add([]byte{0x12, 1, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		got, want := &linkpb.Publish{Tenant: "before", Id: 9, Term: 9}, &linkpb.Publish{}
		err := linkwire.ReadPublish(body, got)
		failed := frame.Decode(body, want)
		if refused := failed != nil || want.GetPublication() == nil; refused != (err != nil) {
			t.Fatalf("%x: %v, but Protocol Buffers say %v", body, err, failed)
		}
		if err == nil && !proto.Equal(got, want) {
			t.Fatalf("%x: %v, want %v", body, got, want)
		}
		if err != nil && !linkwire.IsViolation(err) {
			t.Fatalf("%v is no violation", err)
		}
	})
}

// FuzzReadPublished does the same for answers.
func FuzzReadPublished(f *testing.F) {
	for _, m := range []*linkpb.Published{
		{},
		{Id: 1, Receipt: &weirpb.Receipt{Epoch: 1, Offset: 2, Duplicate: true, TimeMs: 3}},
		{Id: 2, Fault: &weirpb.Fault{Code: "busy", Message: "full", Retryable: true, RetryAfterMs: 5}},
	} {
		encoded, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encoded)
		f.Add(append(bytes.Clone(encoded), encoded...))
	}
	f.Add([]byte{0x80, 0xff, 0xff, 0xff, 0x30, 0x30}) // a field number that is too large
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := linkwire.ReadPublished(body)
		want := &linkpb.Published{}
		if failed := frame.Decode(body, want); (failed != nil) != (err != nil) {
			t.Fatalf("%x: %v, but Protocol Buffers say %v", body, err, failed)
		}
		if err != nil {
			return
		}
		if got.ID != want.GetId() || !proto.Equal(got.Receipt, want.GetReceipt()) {
			t.Fatalf("%x: %+v, want %v", body, got, want)
		}
		if f := fault.FromProto(want.GetFault()); (f == nil) != (got.Fault == nil) || f != nil && f.Error() != got.Fault.Error() {
			t.Fatalf("%x: %v, want %v", body, got.Fault, f)
		}
	})
}

func TestPublishStreamAllocates(t *testing.T) {
	p := publications[1]
	body, err := linkwire.AppendPublication(nil, "acme", p)
	if err != nil {
		t.Fatal(err)
	}
	answer := linkwire.AppendReceipt(nil, 1, &weirpb.Receipt{Epoch: 1, Offset: 2, TimeMs: 3})[2:]
	dst, m := make([]byte, 0, 1<<10), &linkpb.Publish{Tenant: "acme"}
	for name, one := range map[string]struct {
		most float64
		run  func()
	}{
		"AppendPublish": {0, func() { linkwire.AppendPublish(dst, 1, 2, body) }},
		"AppendReceipt": {0, func() { linkwire.AppendReceipt(dst, 1, &weirpb.Receipt{Offset: 2}) }},
		// The publication, its channel, payload and producer.
		"ReadPublish": {4, func() { _ = linkwire.ReadPublish(body, m) }},
		// The receipt.
		"ReadPublished": {1, func() { _, _ = linkwire.ReadPublished(answer) }},
	} {
		if n := testing.AllocsPerRun(100, one.run); n > one.most {
			t.Errorf("%s allocates %v times, at most %v are expected", name, n, one.most)
		}
	}
}
