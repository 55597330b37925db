package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"google.golang.org/protobuf/proto"
)

// A Reader reads sealed rows. It is valid while the view that gave it is open.
type Reader struct{ from rows }

// Get calls f, unless it is nil, with the row's contents, which are valid until it returns. It reports whether there is
// such a row. A row that can't be trusted is a *CorruptError.
func (r Reader) Get(key []byte, f func(body []byte) error) (found bool, err error) {
	value, closer, err := r.from.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, wrap(key, err)
	}
	defer closer.Close()
	body, err := Unseal(key, value)
	if err != nil || f == nil {
		return err == nil, err
	}
	return true, f(body)
}

// GetMessage reads a row into m and reports whether there is such a row.
func (r Reader) GetMessage(key []byte, m proto.Message) (found bool, err error) {
	return r.Get(key, func(body []byte) error { return unmarshal(key, body, m) })
}

// Scan calls f with the rows from start on and before end, in order, until f returns false or an error. The slices are
// valid until f returns.
func (r Reader) Scan(start, end []byte, f func(key, body []byte) (more bool, err error)) error {
	rows, err := r.from.scan(start, end)
	if err != nil {
		return wrap(start, err)
	}
	for ok := rows.First(); ok; ok = rows.Next() {
		more, err := step(rows, f)
		if err != nil || !more {
			return errors.Join(err, rows.Close())
		}
	}
	if err := rows.Close(); err != nil {
		return wrap(start, err)
	}
	return nil
}

func step(rows cursor, f func(key, body []byte) (bool, error)) (more bool, err error) {
	value, err := rows.ValueAndErr()
	if err != nil {
		return false, wrap(rows.Key(), err)
	}
	body, err := Unseal(rows.Key(), value)
	if err != nil {
		return false, err
	}
	return f(rows.Key(), body)
}

// Unmarshal reads a row's contents into m. The error is a *CorruptError: the checksum was right, so whoever wrote the row
// did not mean this.
func Unmarshal(key, body []byte, m proto.Message) error { return unmarshal(key, body, m) }

func unmarshal(key, body []byte, m proto.Message) error {
	if err := proto.Unmarshal(body, m); err != nil {
		return &CorruptError{Key: append([]byte(nil), key...), Reason: "it can't be decoded", Cause: err}
	}
	return nil
}

// wrap tells corruption that Pebble found in its own blocks from other failures.
func wrap(key []byte, err error) error {
	if pebble.IsCorruptionError(err) {
		return &CorruptError{Key: append([]byte(nil), key...), Reason: "its block can't be read", Cause: err}
	}
	return fmt.Errorf("read the state: %w", err)
}
