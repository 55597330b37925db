package filters

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/tetratelabs/wazero/api"
)

// KeyAny is the routing key that stands for all: an event with it concerns every group, and a group that is interested
// in it wants every event.
const KeyAny uint64 = 0

// Keys appends the event's routing keys, at most 64. event is what AppendEvent made.
func (f *Filter) Keys(ctx context.Context, event []byte, dst []uint64) ([]uint64, error) {
	err := f.call(ctx, exportKeys, false, func(in *instance) (err error) {
		in.event = event
		dst, err = in.appendKeys(in.keys, event, dst)
		return err
	})
	return dst, err
}

// Interest appends the routing keys that a group wants, at most 64.
func (f *Filter) Interest(ctx context.Context, prepared []byte, dst []uint64) ([]uint64, error) {
	err := f.call(ctx, exportInterest, true, func(in *instance) (err error) {
		dst, err = in.appendKeys(in.interest, prepared, dst)
		return err
	})
	return dst, err
}

func (in *instance) appendKeys(function api.Function, input []byte, dst []uint64) ([]uint64, error) {
	const keySize = 8
	b, err := in.call(function, maxKeys*keySize, input)
	if err != nil {
		return dst, err
	}
	if len(b)%keySize != 0 {
		return dst, nonsense("it answered with %d bytes, which are not keys of %d bytes", len(b), keySize)
	}
	for ; len(b) > 0; b = b[keySize:] {
		dst = append(dst, binary.LittleEndian.Uint64(b))
	}
	return dst, nil
}

// SharedKeys returns the keys that an event has and a group wants, KeyAny among them where either side has it. A group that
// shares none need not be asked about the event.
func SharedKeys(event, interest []uint64) []uint64 {
	shared := []uint64{}
	if slices.Contains(interest, KeyAny) || slices.Contains(event, KeyAny) {
		shared = append(shared, KeyAny)
	}
	for _, key := range event {
		if key != KeyAny && slices.Contains(interest, key) && !slices.Contains(shared, key) {
			shared = append(shared, key)
		}
	}
	return shared
}
