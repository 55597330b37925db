// Package backup is the form of a region's backups: an archive that is written and read as one stream, checked throughout,
// and made into the data folder of a new region.
package backup

import (
	"errors"
)

// Version of archives that this package writes. It reads those of earlier versions, too: in version 1 each event has a row.
const Version = 2

// A Header says where an archive comes from.
type Header struct {
	// Region is the id of the region, Node the node that wrote the archive, and Shards how many there are.
	Region string `json:"region"`
	Node   string `json:"node"`
	Shards int    `json:"shards"`
	// MadeMs is when the archive was begun, in milliseconds since the Unix epoch.
	MadeMs int64 `json:"made_ms"`
}

// A Group is one of the region's Raft groups in an archive: 0 is the control group, the others are the shards'.
type Group struct {
	Group uint32 `json:"group"`
	// Index is the last entry of the group's log that the archive has, Term the one in which the group was then.
	Index uint64 `json:"index"`
	Term  uint64 `json:"term"`
	// Rows and Bytes count what is stored, SHA256 is over it.
	Rows   uint64 `json:"rows"`
	Bytes  uint64 `json:"bytes"`
	SHA256 string `json:"sha256"`
	// Tenants are those of the control group; the rest is a shard's.
	Tenants   uint64 `json:"tenants,omitempty"`
	Channels  uint64 `json:"channels,omitempty"`
	Events    uint64 `json:"events,omitempty"`
	Keys      uint64 `json:"keys,omitempty"`
	Producers uint64 `json:"producers,omitempty"`
	// NewestMs is the time of the latest event, in milliseconds since the Unix epoch.
	NewestMs int64 `json:"newest_ms,omitempty"`
}

// A Manifest ends an archive and lists what it has.
type Manifest struct {
	Header
	Groups []Group `json:"groups"`
	// SHA256 is over all bytes of the archive before the manifest.
	SHA256 string `json:"sha256"`
}

// Events returns how many events the archive has.
func (m *Manifest) Events() (n uint64) {
	for _, g := range m.Groups {
		n += g.Events
	}
	return n
}

// Errors that callers test.
var (
	// ErrNoArchive says that something is no backup at all.
	ErrNoArchive = errors.New("this is no backup of weir")
	// ErrTooNew says that a newer version of weir has written the archive.
	ErrTooNew = errors.New("the backup was written by a newer version of weir")
	// ErrTruncated says that the end of the archive is missing.
	ErrTruncated = errors.New("the backup is not complete: its end is missing")
	// ErrDamaged says that the archive is not what was written, or that what was written does not belong together.
	ErrDamaged = errors.New("the backup is damaged")
	// ErrGivenUp says that the node could not go on writing the archive, and why.
	ErrGivenUp = errors.New("the hub gave the backup up")
)
