package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"

	"weir/hub/internal/control"
	"weir/hub/internal/placement"
	"weir/hub/internal/shard"
	"weir/hub/internal/store"
	"weir/proto/logpb"
)

// A checker makes sure of the rows of an archive, whoever writes or reads it: that each has its checksum, that they are in
// order, and that what they say belongs together. It belongs to one goroutine.
type checker struct {
	control *control.Check
	channel func(group uint32, id shard.ChannelID, epoch, first, next uint64)

	group Group
	shard *shard.Check // nil in the control group
	last  []byte       // key of the row before
	sum   hash.Hash
	index uint64 // as the rows say
}

// begin begins the next group. The control group comes first.
func (c *checker) begin(g Group) {
	c.group = Group{Group: g.Group, Index: g.Index, Term: g.Term}
	c.last, c.index, c.sum, c.shard = nil, 0, sha256.New(), nil
	if placement.Group(g.Group) == placement.Control {
		c.control = control.NewCheck()
		return
	}
	c.shard = shard.NewCheck(placement.Shard(g.Group))
	if c.channel != nil {
		c.shard.Channel = func(id shard.ChannelID, row *logpb.ChannelRow) {
			c.channel(g.Group, id, row.GetEpoch(), row.GetWindow().GetFirstOffset(), row.GetNextOffset())
		}
	}
}

// row takes a row as it is stored.
func (c *checker) row(key, value []byte) error {
	body, err := store.Unseal(key, value)
	if err != nil {
		return err
	}
	if c.last != nil && bytes.Compare(key, c.last) <= 0 {
		return &store.CorruptError{Key: bytes.Clone(key), Reason: "it is out of order"}
	}
	c.last = append(c.last[:0], key...)
	c.group.Rows++
	c.group.Bytes += uint64(len(key) + len(value))
	c.count(key, value)
	switch {
	case key[0] == store.OfReplica:
		if len(body) != 8 || c.index != 0 {
			return &store.CorruptError{Key: bytes.Clone(key), Reason: "it is no index"}
		}
		c.index = binary.BigEndian.Uint64(body)
		return nil
	case c.shard != nil:
		return c.shard.Row(key, body)
	}
	return c.control.Row(key, body)
}

// count adds a row to the sum of the group.
func (c *checker) count(key, value []byte) {
	var lengths [8]byte
	binary.BigEndian.PutUint32(lengths[:], uint32(len(key)))
	binary.BigEndian.PutUint32(lengths[4:], uint32(len(value)))
	c.sum.Write(lengths[:])
	c.sum.Write(key)
	c.sum.Write(value)
}

// end returns what the group has.
func (c *checker) end() (Group, error) {
	if c.index != c.group.Index || c.index == 0 {
		return Group{}, fmt.Errorf("the state is that of entry %d, not %d", c.index, c.group.Index)
	}
	c.group.SHA256 = hex.EncodeToString(c.sum.Sum(nil))
	if c.shard == nil {
		c.group.Tenants = uint64(c.control.Tenants())
		return c.group, c.control.End()
	}
	if err := c.shard.End(); err != nil {
		return Group{}, err
	}
	n := c.shard.Counts()
	c.group.Channels, c.group.Events, c.group.Keys, c.group.Producers = n.Channels, n.Events, n.Keys, n.Producers
	c.group.NewestMs = n.NewestMs
	return c.group, c.shard.Tenants(func(id uint64) error {
		if !c.control.Knows(id) {
			return fmt.Errorf("shard %d has channels of a tenant that there is not, number %d", c.group.Group, id)
		}
		return nil
	})
}
