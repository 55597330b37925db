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

func (s *Shard) producer(id ProducerID) (*producer, error) {
	if p, ok := s.producers.get(id); ok {
		return p, nil
	}
	p := &producer{id: id}
	row := &logpb.ProducerRow{}
	s.key = appendProducer(s.key[:0], s.shard, id)
	err := s.store.View(func(r store.Reader) error {
		found, err := r.GetMessage(s.key, row)
		if err != nil || !found {
			return err
		}
		p.row = row
		return p.load(s.key)
	})
	if err != nil {
		return nil, err
	}
	s.producers.put(id, p)
	return p, nil
}

func (s *Shard) touchProducer(p *producer) {
	if !p.dirty {
		p.dirty = true
		s.dirtyProducers = append(s.dirtyProducers, p)
	}
}

// load makes recent of the row.
func (p *producer) load(key []byte) (err error) {
	if p.recent, err = parsePage(p.row.Recent, nil); err != nil {
		return &store.CorruptError{Key: bytes.Clone(key), Reason: err.Error()}
	}
	if _, places := sequence.Page(p.row.LastSequence + 1); len(p.recent) != places {
		return &store.CorruptError{Key: bytes.Clone(key), Reason: "it remembers too many publications, or too few"}
	}
	return nil
}

// accepted notes that a producer's next publication got an offset.
func (s *Shard) accepted(b *store.Batch, p *producer, number uint64, made outcome, ageMs int64) error {
	if p.row == nil {
		p.row = &logpb.ProducerRow{DueMs: sequence.Due(made.timeMs, ageMs)}
		if err := b.Put(appendDue(nil, s.shard, p.row.DueMs, p.id), nil); err != nil {
			return err
		}
	}
	p.row.LastSequence = number
	p.row.LastUsedMs = made.timeMs
	p.recent = append(p.recent, made)
	s.touchProducer(p)
	if len(p.recent) < sequence.PageLength {
		return nil
	}
	return s.turnPage(b, p)
}

// turnPage writes the page that has become full.
func (s *Shard) turnPage(b *store.Batch, p *producer) error {
	number, _ := sequence.Page(p.row.LastSequence)
	s.key = appendPage(s.key[:0], s.shard, p.id, sequence.Slot(number))
	s.body = appendPageRow(s.body[:0], number, p.recent)
	p.turned = append(p.turned, turned{number, slices.Clone(p.recent)})
	p.recent = p.recent[:0]
	return b.Put(s.key, s.body)
}

// remembered returns the outcome of an earlier publication; sequence.Check has said that it is there.
func (s *Shard) remembered(p *producer, sequenceNumber uint64) (outcome, error) {
	number, place := sequence.Page(sequenceNumber)
	if current, _ := sequence.Page(p.row.LastSequence + 1); number == current {
		return p.recent[place], nil
	}
	for _, t := range p.turned {
		if t.number == number {
			return t.page[place], nil
		}
	}
	key := appendPage(nil, s.shard, p.id, sequence.Slot(number))
	var found bool
	var written uint64
	var outcomes page
	err := s.store.View(func(r store.Reader) (err error) {
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

func (s *Shard) finishProducer(b *store.Batch, p *producer) error {
	if p.row == nil { // forgotten by a later command of the batch
		return nil
	}
	p.row.Recent = p.recent.append(p.row.Recent[:0])
	s.key = appendProducer(s.key[:0], s.shard, p.id)
	_, err := b.PutMessage(s.key, p.row)
	return err
}

// forget drops a producer that has not published for long enough, or puts it off.
func (s *Shard) forget(b *store.Batch, due *logpb.Due, id ProducerID, nowMs, ageMs int64) error {
	p, err := s.producer(id)
	if err != nil {
		return err
	}
	if p.row == nil || p.row.DueMs != due.GetDueMs() {
		return nil
	}
	if next := sequence.Due(p.row.LastUsedMs, ageMs); next > nowMs {
		p.row.DueMs = next
		s.touchProducer(p)
		return b.Put(appendDue(nil, s.shard, next, id), nil)
	}
	p.row, p.recent, p.turned = nil, nil, nil
	pages := appendPages(nil, s.shard, id)
	if err := b.DeleteRange(pages, store.After(pages)); err != nil {
		return err
	}
	return b.Delete(appendProducer(nil, s.shard, id))
}
