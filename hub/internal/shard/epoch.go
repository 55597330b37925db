package shard

import (
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/placement"
	"weir/proto/logpb"
)

// Renew returns the contents of a row of a shard whose epochs are all raised by so many: cursors of before belong to no
// channel then.
func Renew(id placement.Shard, key, body []byte, by uint64) ([]byte, error) {
	if len(key) < prefixBytes || by == 0 {
		return body, nil
	}
	switch key[prefixBytes-1] {
	case kindBase:
		if len(body) != 8 {
			return nil, corrupt(key, "it is no epoch")
		}
		return binary.BigEndian.AppendUint64(nil, binary.BigEndian.Uint64(body)+by), nil
	case kindChannel:
		row := &logpb.ChannelRow{}
		if err := proto.Unmarshal(body, row); err != nil {
			return nil, corrupt(key, "%w", err)
		}
		if row.Epoch == 0 {
			return body, nil
		}
		row.Epoch += by
		renewed, err := proto.MarshalOptions{Deterministic: true}.Marshal(row)
		if err != nil {
			return nil, fmt.Errorf("shard %d: %w", id, err)
		}
		return renewed, nil
	}
	return body, nil
}
