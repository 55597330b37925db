package shard

import (
	"encoding/binary"
	"errors"

	"weir/hub/internal/placement"
	"weir/hub/internal/store"
)

// A shard's keys are 'S', the shard's number in 4 bytes, the kind of the row in 1, and then
//
//	base      nothing
//	dropped   tenant
//	channel   tenant, channel to the end
//	event     tenant, channel, offset of the last of a run
//	latest    tenant, channel, event key to the end
//	producer  tenant, channel, producer to the end
//	page      tenant, channel, producer, slot in 2 bytes
//	due       milliseconds, tenant, channel, producer to the end
//
// where a tenant is its id, offset and milliseconds are 8 bytes each, all big-endian, and a name that does not go to the
// end has its length before it in 1 byte. So all of a tenant lies together per kind, and offsets are in order.
const (
	kindBase     byte = 'b'
	kindChannel  byte = 'c'
	kindDropped  byte = 'd'
	kindEvent    byte = 'e'
	kindLatest   byte = 'k'
	kindProducer byte = 'p'
	kindPage     byte = 's'
	kindDue      byte = 't'
)

// perTenant are the kinds that begin with a tenant.
var perTenant = [...]byte{kindChannel, kindEvent, kindLatest, kindProducer, kindPage}

// prefixBytes is the length of what every key begins with.
const prefixBytes = 1 + 4 + 1

func appendPrefix(dst []byte, shard placement.Shard, kind byte) []byte {
	dst = append(dst, store.OfShard)
	dst = binary.BigEndian.AppendUint32(dst, uint32(shard))
	return append(dst, kind)
}

func appendTenant(dst []byte, shard placement.Shard, kind byte, tenantID uint64) []byte {
	return binary.BigEndian.AppendUint64(appendPrefix(dst, shard, kind), tenantID)
}

// appendName writes a name that something follows. Names are checked to be shorter than 256 bytes when they come in.
func appendName(dst []byte, name string) []byte {
	return append(append(dst, byte(len(name))), name...)
}

func appendChannel(dst []byte, shard placement.Shard, id ChannelID) []byte {
	return append(appendTenant(dst, shard, kindChannel, id.Tenant), id.Name...)
}

// appendWithin begins the keys of a channel's rows of one kind.
func appendWithin(dst []byte, shard placement.Shard, kind byte, id ChannelID) []byte {
	return appendName(appendTenant(dst, shard, kind, id.Tenant), id.Name)
}

func appendEvent(dst []byte, shard placement.Shard, id ChannelID, offset uint64) []byte {
	return binary.BigEndian.AppendUint64(appendWithin(dst, shard, kindEvent, id), offset)
}

func appendLatest(dst []byte, shard placement.Shard, id ChannelID, key []byte) []byte {
	return append(appendWithin(dst, shard, kindLatest, id), key...)
}

func appendProducer(dst []byte, shard placement.Shard, id ProducerID) []byte {
	return append(appendWithin(dst, shard, kindProducer, id.Channel), id.Name...)
}

func appendPages(dst []byte, shard placement.Shard, id ProducerID) []byte {
	return appendName(appendWithin(dst, shard, kindPage, id.Channel), id.Name)
}

func appendPage(dst []byte, shard placement.Shard, id ProducerID, slot uint16) []byte {
	return binary.BigEndian.AppendUint16(appendPages(dst, shard, id), slot)
}

// appendDue has an empty producer for a channel's window.
func appendDue(dst []byte, shard placement.Shard, dueMs int64, id ProducerID) []byte {
	dst = binary.BigEndian.AppendUint64(appendPrefix(dst, shard, kindDue), uint64(max(0, dueMs)))
	dst = binary.BigEndian.AppendUint64(dst, id.Channel.Tenant)
	return append(appendName(dst, id.Channel.Name), id.Name...)
}

var errKey = errors.New("the key can't be read")

// parseDue reads what appendDue has written.
func parseDue(key []byte) (dueMs int64, id ProducerID, err error) {
	if len(key) < prefixBytes+8+8+1 || key[0] != store.OfShard || key[prefixBytes-1] != kindDue {
		return 0, id, errKey
	}
	rest := key[prefixBytes:]
	due := binary.BigEndian.Uint64(rest)
	id.Channel.Tenant = binary.BigEndian.Uint64(rest[8:])
	n := int(rest[16])
	rest = rest[17:]
	if len(rest) < n || int64(due) < 0 {
		return 0, ProducerID{}, errKey
	}
	id.Channel.Name, id.Name = string(rest[:n]), string(rest[n:])
	return int64(due), id, nil
}
