package shard

import (
	"fmt"

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
		if found {
			p.row = row
		}
		return err
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

// accepted notes that a producer's next publication got an offset.
func (s *Shard) accepted(b *store.Batch, p *producer, made slot, ageMs int64) error {
	if p.row == nil {
		p.row = &logpb.ProducerRow{DueMs: sequence.Due(made.timeMs, ageMs)}
		if err := b.Put(appendDue(nil, s.shard, p.row.DueMs, p.id), nil); err != nil {
			return err
		}
	}
	p.row.LastSequence = made.sequence
	p.row.LastUsedMs = made.timeMs
	p.accepted = append(p.accepted, made)
	s.touchProducer(p)
	return nil
}

// remembered returns the outcome of an earlier publication; sequence.Check has said that it is there.
func (s *Shard) remembered(p *producer, number uint64) (made slot, err error) {
	for _, a := range p.accepted {
		if a.sequence == number {
			return a, nil
		}
	}
	key := appendSlot(nil, s.shard, p.id, sequence.Slot(number))
	var found bool
	err = s.store.View(func(r store.Reader) error {
		found, err = r.Get(key, func(body []byte) error {
			made, err = parseSlot(body)
			return err
		})
		return err
	})
	if err == nil && (!found || made.sequence != number) {
		err = &store.CorruptError{Key: key, Reason: fmt.Sprintf("it should remember publication %d", number)}
	}
	return made, err
}

func (s *Shard) finishProducer(b *store.Batch, p *producer) error {
	if p.row == nil { // forgotten by a later command of the batch
		return nil
	}
	s.key = appendProducer(s.key[:0], s.shard, p.id)
	if _, err := b.PutMessage(s.key, p.row); err != nil {
		return err
	}
	// Of more than fit, only the last ones matter.
	if extra := len(p.accepted) - sequence.Remembered; extra > 0 {
		p.accepted = p.accepted[extra:]
	}
	for _, a := range p.accepted {
		s.key = appendSlot(s.key[:0], s.shard, p.id, sequence.Slot(a.sequence))
		s.body = appendSlotRow(s.body[:0], a)
		if err := b.Put(s.key, s.body); err != nil {
			return err
		}
	}
	return nil
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
	p.row, p.accepted = nil, nil
	slots := appendSlots(nil, s.shard, id)
	if err := b.DeleteRange(slots, store.After(slots)); err != nil {
		return err
	}
	return b.Delete(appendProducer(nil, s.shard, id))
}
