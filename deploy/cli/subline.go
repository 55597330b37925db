package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"weir/edge/edgeclient"
)

// A subLine is one line of "weir sub --json".
type subLine struct {
	// Type is event, snapshot, enter, update, leave, gap or skip.
	Type    string `json:"type"`
	Channel string `json:"channel"`
	Epoch   uint64 `json:"epoch"`
	// Offset of the event; of a gap or skip, where the subscription stands after it.
	Offset uint64 `json:"offset"`
	// Time is RFC 3339 in UTC.
	Time string `json:"time,omitempty"`
	Key  string `json:"key,omitempty"`
	// Payload is the payload where it is JSON; other bytes are in PayloadBase64.
	Payload       json.RawMessage `json:"payload,omitempty"`
	PayloadBase64 []byte          `json:"payload_base64,omitempty"`
	// ContentType is left out where it says no more than that the payload is JSON.
	ContentType string      `json:"content_type,omitempty"`
	Headers     []subHeader `json:"headers,omitempty"`
	// Deleted is whether the event deletes its key; weir history shows those.
	Deleted bool `json:"deleted,omitempty"`

	// From, To and Reason are a gap's. The offsets are 0 where they can't be known.
	From   *uint64 `json:"from,omitempty"`
	To     *uint64 `json:"to,omitempty"`
	Reason string  `json:"reason,omitempty"`
	// Skipped is how many events the filters held back.
	Skipped uint64 `json:"skipped,omitempty"`
}

// A subHeader is one of an event's headers; names may repeat.
type subHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// lineOf returns what is printed of a message.
func lineOf(m *edgeclient.Message) *subLine {
	l := &subLine{Type: m.Type.String(), Channel: m.Channel, Epoch: m.Cursor.Epoch, Offset: m.Cursor.Offset}
	switch m.Type {
	case edgeclient.Gap:
		l.From, l.To, l.Reason = &m.From, &m.To, m.Reason
		return l
	case edgeclient.Skip:
		l.Skipped = m.Skipped
		return l
	}
	l.Time, l.Key, l.ContentType = m.Time.UTC().Format(timeLayout), m.Key, m.ContentType
	if json.Valid(m.Payload) {
		l.Payload = m.Payload
		if m.ContentType == jsonType {
			l.ContentType = ""
		}
	} else {
		l.PayloadBase64 = m.Payload
	}
	for _, h := range m.Headers {
		l.Headers = append(l.Headers, subHeader{h.Name, h.Value})
	}
	return l
}

// isEvent tells events from what is said about those that are missing.
func (l *subLine) isEvent() bool { return l.From == nil && l.Skipped == 0 }

// appendJSON appends the line to buf. Characters are not escaped for HTML: people read this.
func (l *subLine) appendJSON(buf *bytes.Buffer) error {
	encoder := json.NewEncoder(buf)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(l)
}

// typeStyles colour what happens to a view.
var typeStyles = map[string]style{
	"enter": green, "snapshot": green, "leave": red, "gap": yellow, "skip": dim,
}

// appendText appends the line as people read it: offset, what happened, key, payload.
func (l *subLine) appendText(buf *bytes.Buffer, con *console) {
	what := fmt.Sprintf("%-8s", l.Type)
	if s, ok := typeStyles[l.Type]; ok {
		what = con.outStyle(s, what)
	}
	switch l.Type {
	case "gap":
		fmt.Fprintf(buf, "%s %s\n", what, l.gapText())
		return
	case "skip":
		fmt.Fprintf(buf, "%s %d held back by the filter, up to offset %d\n", what, l.Skipped, l.Offset)
		return
	}
	fields := []string{con.outStyle(dim, fmt.Sprintf("%6d", l.Offset)), con.outStyle(dim, l.clock()), what}
	if l.Key != "" {
		fields = append(fields, con.outStyle(cyan, printable(l.Key)))
	}
	if l.Deleted {
		fields = append(fields, con.outStyle(red, "deleted"))
	}
	if payload := l.payloadText(); payload != "" {
		fields = append(fields, payload)
	}
	fmt.Fprintln(buf, strings.Join(fields, " "))
}

func (l *subLine) gapText() string {
	if l.To == nil || *l.To == 0 {
		return "events are missing: " + l.Reason
	}
	return fmt.Sprintf("events %d to %d are missing: %s", *l.From, *l.To, l.Reason)
}

// clock is the time without the date.
func (l *subLine) clock() string {
	if len(l.Time) < len(timeLayout) {
		return ""
	}
	return l.Time[len("2006-01-02T") : len(l.Time)-1]
}

func (l *subLine) payloadText() string {
	text := l.PayloadBase64
	if l.Payload != nil {
		var compact bytes.Buffer
		if json.Compact(&compact, l.Payload) == nil {
			text = compact.Bytes()
		}
	}
	return printable(string(bytes.ToValidUTF8(text, []byte("\uFFFD"))))
}
