package cli

import (
	"bytes"
	"testing"
	"time"

	"weir/edge/edgeclient"
)

func event(payload string) edgeclient.Message {
	return edgeclient.Message{
		Type: edgeclient.Event, Channel: "chat", Cursor: edgeclient.Cursor{Epoch: 9, Offset: 7},
		Time: time.UnixMilli(1_795_000_000_123), Key: "BA12", Payload: []byte(payload),
	}
}

func TestSubLineJSON(t *testing.T) {
	leave := event("")
	leave.Type = edgeclient.Leave
	for _, test := range []struct {
		name    string
		message edgeclient.Message
		event   bool
		want    string
	}{
		{
			"JSON stays JSON, on one line, and unescaped", event("{\"a\": \"<b>\",\n\"n\":1.50}"), true,
			`{"type":"event","channel":"chat","epoch":9,"offset":7,"time":"2026-11-18T11:06:40.123Z","key":"BA12","payload":{"a":"<b>","n":1.50}}`,
		},
		{
			"other bytes", event("\xff hello"), true,
			`{"type":"event","channel":"chat","epoch":9,"offset":7,"time":"2026-11-18T11:06:40.123Z","key":"BA12","payload_base64":"/yBoZWxsbw=="}`,
		},
		{
			"no payload", leave, true,
			`{"type":"leave","channel":"chat","epoch":9,"offset":7,"time":"2026-11-18T11:06:40.123Z","key":"BA12"}`,
		},
		{
			"gap",
			edgeclient.Message{Type: edgeclient.Gap, Channel: "chat", Cursor: edgeclient.Cursor{Epoch: 9, Offset: 5}, From: 3, To: 5, Reason: "trimmed"},
			false,
			`{"type":"gap","channel":"chat","epoch":9,"offset":5,"from":3,"to":5,"reason":"trimmed"}`,
		},
		{
			"gap of unknown size",
			edgeclient.Message{Type: edgeclient.Gap, Channel: "chat", Reason: "epoch_changed"},
			false,
			`{"type":"gap","channel":"chat","epoch":0,"offset":0,"from":0,"to":0,"reason":"epoch_changed"}`,
		},
		{
			"skip",
			edgeclient.Message{Type: edgeclient.Skip, Channel: "chat", Cursor: edgeclient.Cursor{Epoch: 9, Offset: 8}, Skipped: 2},
			false,
			`{"type":"skip","channel":"chat","epoch":9,"offset":8,"skipped":2}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			line := lineOf(&test.message)
			var buf bytes.Buffer
			if err := line.appendJSON(&buf); err != nil {
				t.Fatal(err)
			}
			if got := buf.String(); got != test.want+"\n" {
				t.Errorf("got  %swant %s", got, test.want)
			}
			if line.isEvent() != test.event {
				t.Errorf("counts as an event: %t", line.isEvent())
			}
		})
	}
}

func TestSubLineTextCannotSteerATerminal(t *testing.T) {
	m := event("\x1b]0;owned\x07 hi \xff")
	m.Key = "k\x1b[2J"
	var buf bytes.Buffer
	lineOf(&m).appendText(&buf, &console{})
	want := "     7 11:06:40.123 event    k\uFFFD[2J \uFFFD]0;owned\uFFFD hi \uFFFD\n"
	if got := buf.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
