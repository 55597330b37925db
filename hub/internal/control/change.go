package control

import (
	"google.golang.org/protobuf/proto"

	"weir/hub/internal/store"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A change is what one command does: the next state, the rows that make it durable, and what edges are told.
type change struct {
	next *State
	rows []row
	// put and delete are for edges.
	put, delete []*weirpb.ControlRecord
	// answer is what the command's proposer gets.
	answer any
}

// A row is stored, or with neither message nor body, deleted; with end, all rows from key on and before it are.
type row struct {
	key, end []byte
	message  proto.Message
	body     []byte
}

func refuse(code fault.Code, format string, args ...any) (*change, *fault.Fault) {
	return nil, fault.New(code, format, args...)
}

func (c *change) store(key []byte, m proto.Message) {
	c.rows = append(c.rows, row{key: key, message: m})
}

func (c *change) drop(key []byte) { c.rows = append(c.rows, row{key: key}) }

func (c *change) dropAll(prefix []byte) {
	c.rows = append(c.rows, row{key: prefix, end: store.After(prefix)})
}

// write puts the change's rows into a batch.
func (c *change) write(b *store.Batch) error {
	for _, r := range c.rows {
		if err := r.write(b); err != nil {
			return err
		}
	}
	return nil
}

func (r row) write(b *store.Batch) error {
	switch {
	case r.message != nil:
		_, err := b.PutMessage(r.key, r.message)
		return err
	case r.body != nil:
		return b.Put(r.key, r.body)
	case r.end != nil:
		return b.DeleteRange(r.key, r.end)
	}
	return b.Delete(r.key)
}
