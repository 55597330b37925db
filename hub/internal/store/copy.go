package store

import "errors"

// ScanSealed calls f with all rows as they are stored, in the order of their keys, after checking each. The slices are
// valid until f returns.
func (r Reader) ScanSealed(f func(key, value []byte) error) error {
	rows, err := r.from.scan(nil, nil)
	if err != nil {
		return wrap(nil, err)
	}
	for ok := rows.First(); ok; ok = rows.Next() {
		if err := sealed(rows, f); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	if err := rows.Close(); err != nil {
		return wrap(nil, err)
	}
	return nil
}

func sealed(rows cursor, f func(key, value []byte) error) error {
	value, err := rows.ValueAndErr()
	if err != nil {
		return wrap(rows.Key(), err)
	}
	if _, err := Unseal(rows.Key(), value); err != nil {
		return err
	}
	return f(rows.Key(), value)
}

// PutSealed stores a row as ScanSealed read it.
func (b *Batch) PutSealed(key, value []byte) error {
	if b.to == nil {
		return ErrClosed
	}
	return b.to.Set(key, value, nil)
}
