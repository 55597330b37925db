package store

import (
	"fmt"

	"google.golang.org/protobuf/proto"
)

// A Batch collects changes that are applied together, in order. It belongs to one goroutine. What the methods are given
// may be used again once they return. An error sticks: Store.Commit must not follow it.
type Batch struct {
	to writer // nil: the store was closed
	// value is scratch for the next row.
	value []byte
}

// marshal is deterministic, so that equal states are equal bytes.
var marshal = proto.MarshalOptions{Deterministic: true}

// Put stores a row.
func (b *Batch) Put(key, body []byte) error {
	b.value = append(append(b.value[:0], 0, 0, 0, 0), body...)
	return b.set(key)
}

// PutMessage stores a message as a row and returns its encoding's length, in bytes.
func (b *Batch) PutMessage(key []byte, m proto.Message) (int, error) {
	var err error
	b.value, err = marshal.MarshalAppend(append(b.value[:0], 0, 0, 0, 0), m)
	if err != nil {
		return 0, fmt.Errorf("encode a row: %w", err)
	}
	return len(b.value) - checksumBytes, b.set(key)
}

func (b *Batch) set(key []byte) error { return b.PutRow(key, b.value) }

// SealBytes is how much of a row is its checksum, at its beginning.
const SealBytes = checksumBytes

// PutRow stores a row that is whole but for its checksum, which it fills in: contents behind SealBytes.
func (b *Batch) PutRow(key, row []byte) error {
	if b.to == nil {
		return ErrClosed
	}
	Seal(key, row)
	return b.to.Set(key, row, nil)
}

// Delete removes a row, if it is there.
func (b *Batch) Delete(key []byte) error {
	if b.to == nil {
		return ErrClosed
	}
	return b.to.Delete(key, nil)
}

// DeleteRange removes the rows from start on and before end.
func (b *Batch) DeleteRange(start, end []byte) error {
	if b.to == nil {
		return ErrClosed
	}
	return b.to.DeleteRange(start, end, nil)
}

// Discard ends a batch that is not committed.
func (b *Batch) Discard() error {
	if b.to == nil {
		return nil
	}
	return b.to.Close()
}

// Empty reports whether the batch changes nothing.
func (b *Batch) Empty() bool { return b.to == nil || b.to.Empty() }
