// Package cases tests filters by tables: events and params, and what a filter is expected to make of them. A table is a
// file of YAML, or of JSON, which is YAML too.
package cases

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/goccy/go-yaml"

	"weir/filters"
	"weir/proto/weirpb"
)

// A Table is a file of cases.
type Table struct {
	Cases []Case `yaml:"cases"`
}

// A Case is one event for one subscriber, and what is expected.
type Case struct {
	// Name says what the case is about.
	Name string `yaml:"name"`
	// Params of the subscriber. A string is handed over as it is, anything else as JSON.
	Params Data `yaml:"params"`
	// Event is what is published. None: only whether the params are accepted is tested.
	Event *Event `yaml:"event"`

	// Match is whether the event is let through.
	Match *bool `yaml:"match"`
	// Refused is a part of the text with which the params are refused.
	Refused string `yaml:"refused"`
	// Projection is the payload that the subscriber is shown.
	Projection *Data `yaml:"projection"`
	// Keys are the event's routing keys, Interest those that the subscriber wants; in any order.
	Keys     *[]uint64 `yaml:"keys"`
	Interest *[]uint64 `yaml:"interest"`
}

// An Event is an event as a table describes it. What is left out is empty; the offset is 1 then.
type Event struct {
	Channel     string   `yaml:"channel"`
	Offset      *uint64  `yaml:"offset"`
	TimeMs      int64    `yaml:"time_ms"`
	Key         string   `yaml:"key"`
	ContentType string   `yaml:"content_type"`
	Headers     []Header `yaml:"headers"`
	// Payload is handed over as it is if it is a string, else as JSON.
	Payload   Data `yaml:"payload"`
	Tombstone bool `yaml:"tombstone"`
}

// A Header is one of an event's headers.
type Header struct {
	Name  string `yaml:"name"`
	Value string `yaml:"value"`
}

// Data is bytes: a string's own, or the JSON of anything else.
type Data []byte

// UnmarshalYAML implements yaml.InterfaceUnmarshaler.
func (d *Data) UnmarshalYAML(decode func(any) error) error {
	var v any
	if err := decode(&v); err != nil {
		return err
	}
	if s, ok := v.(string); ok {
		*d = Data(s)
		return nil
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	*d = bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	return nil
}

// Parse reads a table. Unknown fields and cases that expect nothing are errors.
func Parse(text []byte) (*Table, error) {
	t := &Table{}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(t); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for i := range t.Cases {
		c := &t.Cases[i]
		if c.Name == "" {
			c.Name = fmt.Sprintf("case %d", i+1)
		}
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return t, nil
}

func (c *Case) check() error {
	switch {
	case c.Refused == "" && c.Match == nil && c.Projection == nil && c.Keys == nil && c.Interest == nil:
		return errors.New("it expects nothing: give match, refused, projection, keys or interest")
	case c.Refused != "" && (c.Match != nil || c.Projection != nil || c.Interest != nil):
		return errors.New("params that are refused have no match, projection or interest")
	case c.Event == nil && (c.Match != nil || c.Projection != nil || c.Keys != nil):
		return errors.New("match, projection and keys need an event")
	}
	return nil
}

// ParseEvents reads events, one of JSON a line. Lines without any are passed over.
func ParseEvents(text []byte) ([]Event, error) {
	var events []Event
	for i, line := range bytes.Split(text, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var e Event
		if err := yaml.NewDecoder(bytes.NewReader(line), yaml.Strict()).Decode(&e); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		events = append(events, e)
	}
	return events, nil
}

// Encode returns the event as filters read it.
func (e *Event) Encode() []byte {
	channel, message := e.message()
	return filters.AppendEvent(nil, channel, message)
}

// defaultChannel is the channel of events that name none.
const defaultChannel = "test"

// message returns the event and its channel.
func (e *Event) message() (string, *weirpb.Event) {
	m := &weirpb.Event{
		Offset: 1, TimeMs: e.TimeMs, Key: e.Key, ContentType: e.ContentType, Payload: e.Payload, Tombstone: e.Tombstone,
	}
	if e.Offset != nil {
		m.Offset = *e.Offset
	}
	for _, h := range e.Headers {
		m.Headers = append(m.Headers, &weirpb.Header{Name: h.Name, Value: h.Value})
	}
	if e.Channel == "" {
		return defaultChannel, m
	}
	return e.Channel, m
}
