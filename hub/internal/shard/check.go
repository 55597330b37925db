package shard

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/placement"
	"weir/hub/internal/run"
	"weir/hub/internal/sequence"
	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// Counts says what a shard has.
type Counts struct {
	Channels, Events, Keys, Producers uint64
	// NewestMs is the time of the latest event in milliseconds since the Unix epoch, 0 without any.
	NewestMs int64
}

// A Check makes sure of all rows of a shard that they are what a Shard writes and that they belong together: that offsets
// have no gaps from the beginning of each channel's window to its end, that as many keys have a value as the channel says,
// and that everything is there by which retries are recognised.
//
// Rows of different kinds come one kind after another. What they say of each other is compared by the sum of hashes of
// what each should find there, so a Check takes the same memory for a shard of any size, but for the tenants' ids.
type Check struct {
	shard  placement.Shard
	counts Counts
	// Channel is called with each channel's row, unless it is nil.
	Channel func(ChannelID, *logpb.ChannelRow)
	tenants map[uint64]struct{}
	// Sums over the channels' rows and over what was found: they are equal.
	windows, values, pages balance
	// stretch is what the rows before have in common with the next one.
	stretch stretch
}

// A stretch is consecutive rows of one channel or one producer.
type stretch struct {
	kind   byte
	prefix []byte
	first  uint64 // offset, of events
	count  uint64 // of rows, or of events
	timeMs int64
	// last is the latest of a producer's pages.
	last uint64
}

// NewCheck returns a Check of a shard's rows.
func NewCheck(id placement.Shard) *Check {
	return &Check{shard: id, tenants: map[uint64]struct{}{}}
}

// Counts returns what there was so far.
func (c *Check) Counts() Counts { return c.counts }

// Tenants calls f with the id of each tenant that the shard has rows of.
func (c *Check) Tenants(f func(id uint64) error) error {
	for id := range c.tenants {
		if err := f(id); err != nil {
			return err
		}
	}
	return nil
}

// Row takes the next row, in the order of keys. The error is a *store.CorruptError.
func (c *Check) Row(key, body []byte) error {
	if len(key) < prefixBytes || !bytes.Equal(key[:prefixBytes-1], appendPrefix(nil, c.shard, 0)[:prefixBytes-1]) {
		return corrupt(key, "it is no row of shard %d", c.shard)
	}
	kind, rest := key[prefixBytes-1], key[prefixBytes:]
	if kind != c.stretch.kind {
		if err := c.endStretch(); err != nil {
			return err
		}
		c.stretch = stretch{kind: kind}
	}
	var err error
	switch kind {
	case kindBase:
		if len(rest) != 0 || len(body) != 8 {
			err = errKey
		}
	case kindDropped:
		if len(rest) != 8 {
			err = errKey
		}
	case kindDue:
		_, _, err = parseDue(key)
	case kindChannel:
		err = c.channel(key, rest, body)
	case kindEvent, kindLatest, kindProducer, kindPage:
		err = c.within(kind, key, rest, body)
	default:
		err = fmt.Errorf("rows of the kind %q are unknown", kind)
	}
	if err != nil {
		return corrupt(key, "%w", err)
	}
	return nil
}

// End says whether rows are missing.
func (c *Check) End() error {
	if err := c.endStretch(); err != nil {
		return err
	}
	c.stretch = stretch{}
	for _, b := range []struct {
		balance
		what string
	}{
		{c.windows, "events are missing, or there are too many"},
		{c.values, "keys of state channels are missing, or there are too many"},
		{c.pages, "what is remembered of producers is not complete"},
	} {
		if b.balance != (balance{}) {
			return fmt.Errorf("shard %d: %s", c.shard, b.what)
		}
	}
	return nil
}

func (c *Check) channel(key, rest, body []byte) error {
	if len(rest) < 8 {
		return errKey
	}
	row := &logpb.ChannelRow{}
	if err := proto.Unmarshal(body, row); err != nil {
		return err
	}
	w := row.GetWindow()
	if w.GetFirstOffset() < 1 || w.GetFirstOffset() > row.GetNextOffset() || row.GetEpoch() == 0 && row.GetNextOffset() > 1 {
		return fmt.Errorf("its window can't be")
	}
	id := ChannelID{Tenant: binary.BigEndian.Uint64(rest), Name: string(rest[8:])}
	c.tenants[id.Tenant] = struct{}{}
	c.counts.Channels++
	if n := row.GetNextOffset() - w.GetFirstOffset(); n > 0 {
		c.windows.add(appendWithin(nil, 0, kindEvent, id), w.GetFirstOffset(), n)
	}
	if row.GetKeys() > 0 {
		c.values.add(appendWithin(nil, 0, kindLatest, id), row.GetKeys(), 0)
	}
	if c.Channel != nil {
		c.Channel(id, row)
	}
	return nil
}

// within takes a row of a kind whose keys begin with tenant and channel.
func (c *Check) within(kind byte, key, rest, body []byte) error {
	if len(rest) < 9 || len(rest) < 9+int(rest[8]) {
		return errKey
	}
	c.tenants[binary.BigEndian.Uint64(rest)] = struct{}{}
	prefix, tail := key[:prefixBytes+9+int(rest[8])], rest[9+int(rest[8]):]
	if kind == kindPage {
		if len(tail) < 1 || len(tail) != 1+int(tail[0])+2 {
			return errKey
		}
		prefix, tail = key[:len(key)-2], tail[len(tail)-2:]
	}
	if !bytes.Equal(prefix, c.stretch.prefix) {
		if err := c.endStretch(); err != nil {
			return err
		}
		c.stretch = stretch{kind: kind, prefix: bytes.Clone(prefix)}
	}
	if kind == kindEvent {
		return c.events(key, tail, body)
	}
	c.stretch.count++
	switch kind {
	case kindLatest:
		return c.latest(tail, body)
	case kindProducer:
		return c.producer(key, tail, body)
	}
	return c.page(tail, body)
}

func (c *Check) events(key, tail, body []byte) error {
	if len(tail) != 8 {
		return errKey
	}
	first, err := firstOf(key, body)
	if err != nil {
		return err
	}
	if c.stretch.count == 0 {
		c.stretch.first = first
	}
	for encoded, err := range run.Events(body) {
		if err != nil {
			return err
		}
		if err := c.event(encoded); err != nil {
			return err
		}
	}
	if c.stretch.first+c.stretch.count-1 != binary.BigEndian.Uint64(tail) {
		return errKey
	}
	return nil
}

func (c *Check) event(encoded []byte) error {
	e := &weirpb.Event{}
	if err := proto.Unmarshal(encoded, e); err != nil {
		return err
	}
	switch {
	case e.GetOffset() != c.stretch.first+c.stretch.count:
		return fmt.Errorf("the event before offset %d is missing", e.GetOffset())
	case e.GetTimeMs() < c.stretch.timeMs:
		return fmt.Errorf("its time is before that of the event before")
	}
	c.stretch.count++
	c.stretch.timeMs = e.GetTimeMs()
	c.counts.Events++
	c.counts.NewestMs = max(c.counts.NewestMs, e.GetTimeMs())
	return nil
}

func (c *Check) latest(tail, body []byte) error {
	e := &weirpb.Event{}
	if err := proto.Unmarshal(body, e); err != nil {
		return err
	}
	if e.GetKey() != string(tail) || e.GetTombstone() {
		return errKey
	}
	c.counts.Keys++
	return nil
}

func (c *Check) producer(key, tail, body []byte) error {
	row := &logpb.ProducerRow{}
	if err := proto.Unmarshal(body, row); err != nil {
		return err
	}
	if len(tail) == 0 || len(tail) > 255 || row.GetLastSequence() == 0 {
		return errKey
	}
	prefix := appendName(bytes.Clone(key[:len(key)-len(tail)]), string(tail))
	prefix[prefixBytes-1] = kindPage
	if err := new(producer).load(key, row); err != nil {
		return err
	}
	if pages := sequence.Pages(row.GetLastSequence()); pages > 0 {
		last, _ := sequence.Page(row.GetLastSequence() + 1)
		c.pages.add(prefix[prefixBytes:], last-1, pages)
	}
	c.counts.Producers++
	return nil
}

func (c *Check) page(tail, body []byte) error {
	number, _, err := parsePageRow(body)
	if err != nil {
		return err
	}
	if sequence.Slot(number) != binary.BigEndian.Uint16(tail) {
		return errKey
	}
	c.stretch.last = max(c.stretch.last, number)
	// Pages have no gaps, so all of them are among the last ones. No two are the same, as each has its own slot.
	if c.stretch.count == 1 {
		c.stretch.first = number
	}
	c.stretch.first = min(c.stretch.first, number)
	return nil
}

// endStretch notes what the last rows have been.
func (c *Check) endStretch() error {
	r := &c.stretch
	if r.prefix == nil {
		return nil
	}
	switch r.kind {
	case kindEvent:
		c.windows.subtract(asEvent(r.prefix), r.first, r.count)
	case kindLatest:
		c.values.subtract(asEvent(r.prefix), r.count, 0)
	case kindPage:
		if r.last-r.first+1 != r.count {
			return corrupt(r.prefix, "publications are missing among those that are remembered")
		}
		c.pages.subtract(r.prefix[prefixBytes:], r.last, r.count)
	}
	r.prefix = nil
	return nil
}

// asEvent returns the beginning of a key as appendWithin makes it for shard 0.
func asEvent(prefix []byte) []byte {
	p := bytes.Clone(prefix)
	clear(p[1 : prefixBytes-1])
	return p
}

func corrupt(key []byte, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &store.CorruptError{Key: bytes.Clone(key), Reason: err.Error()}
}

// A balance is 0 when the same has been added and subtracted, in whatever order; else it is 0 with a probability of 2^-128.
type balance [2]uint64

func (b *balance) add(what []byte, x, y uint64) {
	h := hashOf(what, x, y)
	b[0] += h[0]
	b[1] += h[1]
}

func (b *balance) subtract(what []byte, x, y uint64) {
	h := hashOf(what, x, y)
	b[0] -= h[0]
	b[1] -= h[1]
}

func hashOf(what []byte, x, y uint64) balance {
	text := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(bytes.Clone(what), x), y)
	sum := sha256.Sum256(text)
	return balance{binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])}
}
