package backup

import (
	"io"

	"weir/hub/internal/shard"
)

// A Channel is what an archive has of a channel.
type Channel struct {
	Group uint32
	// TenantID is the number by which the archive knows the tenant.
	TenantID uint64
	Name     string
	Epoch    uint64
	// FirstOffset is the first that is kept, NextOffset that of the next event.
	FirstOffset, NextOffset uint64
}

// Verify reads an archive to its end and checks all that is in it: the checksums of its parts and of its rows, that there
// are as many as it says, that offsets have no gaps, and that everything is there by which retries are recognised. The
// errors are or wrap those of this package, or are r's. channel is told of each channel, unless it is nil.
//
// It takes a few MB of memory for an archive of any size.
func Verify(r io.Reader, channel func(Channel)) (*Manifest, error) {
	var check checker
	if channel != nil {
		check.channel = func(group uint32, id shard.ChannelID, epoch, first, next uint64) {
			channel(Channel{Group: group, TenantID: id.Tenant, Name: id.Name, Epoch: epoch, FirstOffset: first, NextOffset: next})
		}
	}
	return read(r, ignore{}, check)
}

// ignore receives an archive that is only to be checked.
type ignore struct{}

func (ignore) header(Header) error         { return nil }
func (ignore) begin(Group) error           { return nil }
func (ignore) row(key, value []byte) error { return nil }
func (ignore) end(Group) error             { return nil }
