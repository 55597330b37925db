package cli

import (
	"bytes"
	"testing"

	"weir/proto/weirpb"
)

func event(payload string) *weirpb.Event {
	return &weirpb.Event{Offset: 7, TimeMs: 1_795_000_000_123, Key: "BA12", Payload: []byte(payload)}
}

func TestSubLineJSON(t *testing.T) {
	from, to := uint64(3), uint64(5)
	for _, test := range []struct {
		name string
		line subLine
		from *weirpb.Event
		want string
	}{
		{
			"JSON stays JSON, on one line, and unescaped", subLine{Type: "event", Channel: "chat", Epoch: 9}, event("{\"a\": \"<b>\",\n\"n\":1.50}"),
			`{"type":"event","channel":"chat","epoch":9,"offset":7,"time":"2026-11-18T11:06:40.123Z","key":"BA12","payload":{"a":"<b>","n":1.50}}`,
		},
		{
			"other bytes", subLine{Type: "event", Channel: "chat", Epoch: 9}, event("\xff hello"),
			`{"type":"event","channel":"chat","epoch":9,"offset":7,"time":"2026-11-18T11:06:40.123Z","key":"BA12","payload_base64":"/yBoZWxsbw=="}`,
		},
		{
			"no payload", subLine{Type: "leave", Channel: "flights", Epoch: 9}, event(""),
			`{"type":"leave","channel":"flights","epoch":9,"offset":7,"time":"2026-11-18T11:06:40.123Z","key":"BA12"}`,
		},
		{
			"gap", subLine{Type: "gap", Channel: "chat", Epoch: 9, Offset: 5, From: &from, To: &to, Reason: "trimmed"}, nil,
			`{"type":"gap","channel":"chat","epoch":9,"offset":5,"from":3,"to":5,"reason":"trimmed"}`,
		},
		{
			"skip", subLine{Type: "skip", Channel: "chat", Epoch: 9, Offset: 8, Skipped: 2}, nil,
			`{"type":"skip","channel":"chat","epoch":9,"offset":8,"skipped":2}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.from != nil {
				test.line.setEvent(test.from)
			}
			var buf bytes.Buffer
			if err := test.line.appendJSON(&buf); err != nil {
				t.Fatal(err)
			}
			if got := buf.String(); got != test.want+"\n" {
				t.Errorf("got  %swant %s", got, test.want)
			}
		})
	}
}

func TestSubLineTextCannotSteerATerminal(t *testing.T) {
	line := subLine{Type: "event", Channel: "chat"}
	e := event("\x1b]0;owned\x07 hi \xff")
	e.Key = "k\x1b[2J"
	line.setEvent(e)
	var buf bytes.Buffer
	line.appendText(&buf, &console{})
	want := "     7 11:06:40.123 event    k\uFFFD[2J \uFFFD]0;owned\uFFFD hi \uFFFD\n"
	if got := buf.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
