package shard

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"weir/hub/internal/sequence"
	"weir/hub/internal/store"
	"weir/proto/logpb"
)

// A producer is a producer's row in memory, with what the store does not have yet. There are many, so it is small.
type producer struct {
	id ProducerID
	// last is the number of the last publication, 0 for a producer that the channel does not know. usedMs is its time, and
	// dueMs when it is looked at whether the producer can be forgotten.
	last          uint64
	usedMs, dueMs int64
	// recent has the outcomes that no full page has yet, and turned the rows of the pages that have become full, as many as
	// are remembered.
	recent page
	turned []turned
	dirty  bool
	// forgotten is whether the producer has been forgotten, so that pages of before have to go.
	forgotten bool
}

// A turned page has become full.
type turned struct {
	number uint64
	row    []byte
}

// producer returns what a channel knows of a producer. Of one that is not in memory nothing is pending, so the store has it
// as it is.
func (s *Shard) producer(of ChannelID, name []byte) (*producer, error) {
	if p, ok := s.producers.young[ProducerID{Channel: of, Name: string(name)}]; ok { // without making a string
		return p, nil
	}
	id := ProducerID{Channel: of, Name: string(name)}
	if p, ok := s.producers.get(id); ok {
		return p, nil
	}
	p := &producer{id: id}
	row := &logpb.ProducerRow{}
	s.key = appendProducer(s.key[:0], s.shard, id)
	err := s.store.Peek(func(r store.Reader) error {
		found, err := r.GetMessage(s.key, row)
		if err != nil || !found {
			return err
		}
		return p.load(s.key, row)
	})
	if err != nil {
		return nil, err
	}
	s.producers.put(id, p)
	return p, nil
}

// load takes a row over.
func (p *producer) load(key []byte, row *logpb.ProducerRow) error {
	recent, err := parsePage(row.Recent)
	if err != nil {
		return &store.CorruptError{Key: bytes.Clone(key), Reason: err.Error()}
	}
	if _, places := sequence.Page(row.LastSequence + 1); len(recent) != places {
		return &store.CorruptError{Key: bytes.Clone(key), Reason: "it remembers too many publications, or too few"}
	}
	p.last, p.usedMs, p.dueMs = row.LastSequence, row.LastUsedMs, row.DueMs
	p.recent = page{encoded: row.Recent}
	if n := len(recent); n > 0 {
		p.recent.last = recent[n-1]
	}
	return nil
}

// accepted notes that a producer's next publication got an offset.
func (s *Shard) accepted(p *producer, number uint64, made outcome, ageMs int64) {
	s.touchProducer(p)
	if p.last == 0 {
		p.dueMs = sequence.Due(made.timeMs, ageMs)
		s.setDue(p.dueMs, p.id, true)
	}
	p.last, p.usedMs = number, made.timeMs
	p.recent.add(made)
	if _, place := sequence.Page(number); place == sequence.PageLength-1 {
		s.turnPage(p)
	}
}

// turnPage makes a row of the page that has become full. Its slot is that of the one before all that are remembered.
func (s *Shard) turnPage(p *producer) {
	number, _ := sequence.Page(p.last)
	s.body = appendPageRow(s.body[:0], number, p.recent)
	row := append(s.room(store.SealBytes + len(s.body))[:store.SealBytes], s.body...)
	s.keep(len(row), overheadBytes)
	if len(p.turned) == sequence.Remembered/sequence.PageLength {
		p.turned = slices.Delete(p.turned, 0, 1)
	}
	p.turned = append(p.turned, turned{number, row})
	p.recent.clear()
}

// remembered returns the outcome of an earlier publication; sequence.Check has said that it is there.
func (s *Shard) remembered(p *producer, sequenceNumber uint64) (outcome, error) {
	number, place := sequence.Page(sequenceNumber)
	if current, _ := sequence.Page(p.last + 1); number == current {
		outcomes, err := parsePage(p.recent.encoded)
		if err != nil {
			return outcome{}, err
		}
		return outcomes[place], nil
	}
	for _, t := range p.turned {
		if t.number == number {
			_, outcomes, err := parsePageRow(t.row[store.SealBytes:])
			if err != nil {
				return outcome{}, err
			}
			return outcomes[place], nil
		}
	}
	return s.stored(p, sequenceNumber)
}

// stored reads the page that has an outcome.
func (s *Shard) stored(p *producer, sequenceNumber uint64) (outcome, error) {
	number, place := sequence.Page(sequenceNumber)
	key := appendPage(nil, s.shard, p.id, sequence.Slot(number))
	var found bool
	var written uint64
	var outcomes []outcome
	err := s.store.Peek(func(r store.Reader) (err error) {
		found, err = r.Get(key, func(body []byte) (err error) {
			written, outcomes, err = parsePageRow(body)
			return err
		})
		return err
	})
	switch {
	case errors.Is(err, errPage):
		return outcome{}, &store.CorruptError{Key: key, Reason: err.Error()}
	case err != nil:
		return outcome{}, err
	case !found || written != number:
		return outcome{}, &store.CorruptError{Key: key, Reason: fmt.Sprintf("it should remember publication %d", sequenceNumber)}
	}
	return outcomes[place], nil
}

// forget drops a producer that has not published for long enough, or puts it off.
func (s *Shard) forget(due *logpb.Due, id ProducerID, nowMs, ageMs int64) error {
	p, err := s.producer(id.Channel, []byte(id.Name))
	if err != nil {
		return err
	}
	if p.last == 0 || p.dueMs != due.GetDueMs() {
		return nil
	}
	s.touchProducer(p)
	if next := sequence.Due(p.usedMs, ageMs); next > nowMs {
		p.dueMs = next
		s.setDue(next, id, true)
		return nil
	}
	*p = producer{id: p.id, dirty: true, forgotten: true}
	return nil
}
