package control

import (
	"encoding/binary"

	"weir/hub/internal/store"
)

// Keys of the control state are 'C', the kind of the row, and then
//
//	meta        nothing
//	tenant      tenant
//	namespace   tenant, 0, namespace
//	signing key tenant, 0, id
//	filter      tenant, 0, filter, 0, version in 4 bytes, big-endian
//	API key     id
//	node        id
//	module      digest in 32 bytes
//	chunk       digest in 32 bytes, index in 4 bytes, big-endian
//
// No name has a 0 in it.
const (
	kindApiKey     byte = 'a'
	kindFilter     byte = 'f'
	kindMeta       byte = 'i'
	kindChunk      byte = 'h'
	kindModule     byte = 'm'
	kindNamespace  byte = 'n'
	kindNode       byte = 'o'
	kindSigningKey byte = 's'
	kindTenant     byte = 't'
)

func key(kind byte, names ...string) []byte {
	k := []byte{store.OfControl, kind}
	for i, n := range names {
		if i > 0 {
			k = append(k, 0)
		}
		k = append(k, n...)
	}
	return k
}

func filterKey(tenant, filter string, version uint32) []byte {
	return binary.BigEndian.AppendUint32(append(key(kindFilter, tenant, filter), 0), version)
}

func moduleKey(d Digest) []byte { return append(key(kindModule), d[:]...) }

func chunkKey(d Digest, index uint32) []byte {
	return binary.BigEndian.AppendUint32(append(key(kindChunk), d[:]...), index)
}
