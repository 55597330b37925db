package machine

import (
	"encoding/binary"

	"weir/hub/internal/store"
)

// AppliedIn returns the index of the last entry that a state has, 0 for none.
func AppliedIn(r store.Reader) (index uint64, err error) {
	_, err = r.Get(appliedKey(), func(body []byte) error {
		if len(body) != 8 {
			return &store.CorruptError{Key: appliedKey(), Reason: "it is no index"}
		}
		index = binary.BigEndian.Uint64(body)
		return nil
	})
	return index, err
}
