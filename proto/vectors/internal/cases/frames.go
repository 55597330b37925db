package cases

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/proto"

	"weir/proto/frame"
	"weir/proto/weirpb"
)

// A Frame is a frame and what it says.
type Frame struct {
	Name string `json:"name"`
	// Type is the frame's type and TypeName its name in SPEC.md.
	Type     uint64 `json:"type"`
	TypeName string `json:"typeName"`
	// Message is the full name of the body's message.
	Message string          `json:"message"`
	JSON    json.RawMessage `json:"json"`
	Hex     string          `json:"hex"`
	// DecodeOnly marks encodings that are allowed, and that no encoder here produces.
	DecodeOnly bool `json:"decodeOnly,omitempty"`
}

type example struct {
	name string
	typ  frame.Type
	m    proto.Message
	// encoded is the frame in hexadecimal; empty: as frame.Append has it.
	encoded string
}

// Frames returns at least one frame of each type, and the encodings that decoders easily get wrong.
func Frames() ([]Frame, error) {
	var list []Frame
	for _, e := range append(append(fromClient(), fromServer()...), unusual()...) {
		body, err := messageJSON(e.m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		f := Frame{
			Name: e.name, Type: uint64(e.typ), TypeName: e.typ.String(), JSON: body,
			Message: string(e.m.ProtoReflect().Descriptor().FullName()), Hex: e.encoded, DecodeOnly: e.encoded != "",
		}
		if e.encoded == "" {
			encoded, err := frame.Append(nil, e.typ, e.m)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", e.name, err)
			}
			f.Hex = hex.EncodeToString(encoded)
		}
		list = append(list, f)
	}
	return list, nil
}

func fromClient() []example {
	viewport := []*weirpb.FilterRef{{Name: "viewport", Version: 3, Params: []byte(`{"west":5.5,"east":10}`)}}
	return []example{
		{name: "hello", typ: frame.Hello, m: &weirpb.Hello{Token: "eyJhbGciOiJub25lIn0.e30.", Agent: "weir-js/0.1.0"}},
		{name: "hello of a client that comes back", typ: frame.Hello, m: &weirpb.Hello{
			Token: "a.b.c", Agent: "weir-go/0.1.0", Producer: "mwm0nk74-000102030405060708090a0b0c0d0eff",
		}},
		{name: "subscribe live", typ: frame.Subscribe, m: &weirpb.Subscribe{Subscription: 1, Channel: "flights", Filters: viewport}},
		{name: "subscribe after a cursor", typ: frame.Subscribe, m: &weirpb.Subscribe{
			Subscription: 2, Channel: "chat:room-1", Start: weirpb.Start_START_CURSOR,
			Cursor: &weirpb.Cursor{Epoch: 1795000000000, Offset: 4711},
		}},
		{name: "params", typ: frame.Params, m: &weirpb.Params{Subscription: 1, Revision: 2, Filters: viewport}},
		{name: "params without filters", typ: frame.Params, m: &weirpb.Params{Subscription: 1, Revision: 3}},
		{name: "unsubscribe", typ: frame.Unsubscribe, m: &weirpb.Unsubscribe{Subscription: 300}},
		{name: "publish", typ: frame.Publish, m: &weirpb.Publish{Request: 1, Publication: &weirpb.Publication{
			Channel: "chat", Payload: []byte(`{"text":"grüezi"}`), ContentType: "application/json",
			Headers: []*weirpb.Header{{Name: "trace", Value: "1"}, {Name: "trace", Value: "2"}}, Sequence: 1,
		}}},
		{name: "publish under another producer", typ: frame.Publish, m: &weirpb.Publish{Request: 4, Publication: &weirpb.Publication{
			Channel: "chat", Payload: []byte("again"), Producer: "mwm0nk74-000102030405060708090a0b0c0d0eff", Sequence: 1,
		}}},
		{name: "publish a tombstone", typ: frame.Publish, m: &weirpb.Publish{Request: 2, Publication: &weirpb.Publication{
			Channel: "flights", Key: "LX 38", Tombstone: true, Ack: weirpb.Ack_ACK_REGION, Sequence: 1 << 40,
		}}},
		{name: "publish an ephemeral event", typ: frame.Publish, m: &weirpb.Publish{Request: 3, Publication: &weirpb.Publication{
			Channel: "typing", Payload: []byte{0, 255}, Ack: weirpb.Ack_ACK_NONE,
		}}},
		{name: "refresh", typ: frame.Refresh, m: &weirpb.Refresh{Token: "d.e.f"}},
		{name: "explain", typ: frame.Explain, m: &weirpb.Explain{
			Request: 1, Subscription: 2, Event: &weirpb.Cursor{Epoch: 1795000000000, Offset: 4711},
		}},
		{name: "ping, padded", typ: frame.Ping, m: &weirpb.Ping{Nonce: 1234, Padding: make([]byte, 32)}},
	}
}

func fromServer() []example {
	fault := &weirpb.Fault{
		Code: "busy", Message: "the queue of this shard is full", Hint: "publish more slowly", Retryable: true, RetryAfterMs: 250,
	}
	return []example{
		{name: "ping", typ: frame.Ping, m: &weirpb.Ping{Nonce: 1234}},
		{name: "pong", typ: frame.Pong, m: &weirpb.Pong{Nonce: 1<<64 - 1, TimeMs: 1795000000123}},
		{name: "welcome", typ: frame.Welcome, m: &weirpb.Welcome{
			Session: "s-1", Producer: "mwm0nk74-000102030405060708090a0b0c0d0eff", ServerTimeMs: 1795000000000,
			TokenExpiresMs: 1795000900000, Agent: "weir/0.1.0", Explain: true, Limits: &weirpb.Limits{
				FrameBytes: frame.MaxFromClient, PayloadBytes: 64 << 10, Subscriptions: 64, Filters: 4,
				PublishesInFlight: 256, PingIntervalMs: 10_000, IdleTimeoutMs: 30_000,
			},
		}},
		{name: "subscribed", typ: frame.Subscribed, m: &weirpb.Subscribed{Subscription: 1, Channel: &weirpb.Channel{
			Name: "flights", Kind: weirpb.ChannelKind_CHANNEL_KIND_STATE, Epoch: 1795000000000, FirstOffset: 10,
			NextOffset: 1010, WindowBytes: 123_456, Keys: 999, Namespace: "flights",
		}}},
		{name: "unsubscribed", typ: frame.Unsubscribed, m: &weirpb.Unsubscribed{Subscription: 1}},
		{name: "unsubscribed with a fault", typ: frame.Unsubscribed, m: &weirpb.Unsubscribed{Subscription: 1, Fault: fault}},
		{name: "published", typ: frame.Published, m: &weirpb.Published{Request: 1, Receipt: &weirpb.Receipt{
			Epoch: 1795000000000, Offset: 1, Duplicate: true, TimeMs: 1795000000456,
		}}},
		{name: "published with a fault", typ: frame.Published, m: &weirpb.Published{Request: 2, Fault: fault}},
		{name: "published with another producer", typ: frame.Published, m: &weirpb.Published{
			Request: 3, Fault: &weirpb.Fault{Code: "producer_expired", Message: "the channel does not know this producer"},
			Producer: "mwm0nk74-000102030405060708090a0b0c0d0eff",
		}},
		{name: "refreshed", typ: frame.Refreshed, m: &weirpb.Refreshed{TokenExpiresMs: 1795001800000}},
		{name: "error of a subscription", typ: frame.Error, m: &weirpb.Error{Fault: fault, Subscription: 1, Revision: 2}},
		{name: "goodbye", typ: frame.Goodbye, m: &weirpb.Goodbye{Fault: fault}},
		{name: "batch of a log channel", typ: frame.Batch, m: &weirpb.Batch{
			Subscription: 2, Skipped: 3, SkippedBytes: 300, Cursor: &weirpb.Cursor{Epoch: 1795000000000, Offset: 4715},
			Items: []*weirpb.Item{{Kind: weirpb.ItemKind_ITEM_KIND_EVENT, Event: &weirpb.Event{
				Offset: 4713, TimeMs: 1795000000456, Payload: []byte("hello"), ContentType: "text/plain",
				Headers: []*weirpb.Header{{Name: "trace", Value: "1"}},
			}}},
		}},
		{name: "batch with a gap", typ: frame.Batch, m: &weirpb.Batch{
			Subscription: 2, Cursor: &weirpb.Cursor{Epoch: 1795000000000, Offset: 4711},
			Gap: &weirpb.Gap{From: 1, To: 4711, Reason: "trimmed"},
		}},
		{name: "explained", typ: frame.Explained, m: &weirpb.Explained{Request: 1, Explanation: &weirpb.Explanation{
			Channel: "chat:room-1", Event: &weirpb.Cursor{Epoch: 1795000000000, Offset: 4711}, TimeMs: 1795000000456,
			Verdict: weirpb.Verdict_VERDICT_HELD, Told: &weirpb.Cursor{Epoch: 1795000000000, Offset: 4715}, Past: true,
			Filters: []*weirpb.FilterExplanation{{
				Name: "viewport", Version: 2, Digest: make([]byte, 32), Params: []byte(`{"west":5.5}`), Pinned: true, ServesNow: 3,
				Verdict: weirpb.Verdict_VERDICT_HELD, Keyed: true, EventKeys: []uint64{1<<64 - 1, 2}, Interest: []uint64{2, 3},
				SharedKeys: []uint64{2}, PrepareFuel: 1000, MatchFuel: 1 << 40, Log: []string{"outside"},
			}},
		}}},
		{name: "explained with a fault", typ: frame.Explained, m: &weirpb.Explained{Request: 2, Fault: fault}},
		{name: "an empty body", typ: frame.Pong, m: &weirpb.Pong{}},
		{name: "an unknown enum value is kept", typ: frame.Subscribed, m: &weirpb.Subscribed{
			Subscription: 1, Channel: &weirpb.Channel{Kind: 99},
		}},
		{name: "batch with nothing but skips", typ: frame.Batch, m: &weirpb.Batch{
			Subscription: 2, Revision: 4, Skipped: 1000, SkippedBytes: 1 << 33,
			Cursor: &weirpb.Cursor{Epoch: 1795000000000, Offset: 5715},
		}},
	}
}

// unusual returns encodings that a decoder must accept and an encoder should not produce.
func unusual() []example {
	ping := &weirpb.Ping{Nonce: 1234}
	return []example{
		{name: "type and length in more bytes than necessary", typ: frame.Ping, m: ping, encoded: "4020" + "80000003" + "08d209"},
		{name: "length in eight bytes", typ: frame.Ping, m: ping, encoded: "20" + "c000000000000003" + "08d209"},
		{name: "an unknown field is ignored", typ: frame.Ping, m: ping, encoded: "2007" + "08d209" + "aa060161"},
		{name: "the last of a repeated scalar counts", typ: frame.Ping, m: ping, encoded: "2005" + "0801" + "08d209"},
	}
}
