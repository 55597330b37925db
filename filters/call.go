package filters

import "github.com/tetratelabs/wazero/api"

// call writes inputs to the guest's buffer, each at a multiple of 8 and with at least 8 zeros behind it, calls a function
// with their addresses and lengths, and returns what it answers, at most limit bytes: the guest's memory, to be copied
// before the next call.
func (in *instance) call(function api.Function, limit int, inputs ...[]byte) ([]byte, error) {
	if function == nil {
		return nil, nonsense("it does not export it")
	}
	size := 0
	for _, b := range inputs {
		size += padded(len(b))
	}
	if err := in.reserve(size); err != nil {
		return nil, err
	}
	buf, err := in.input(size)
	if err != nil {
		return nil, err
	}
	at := 0
	for i, b := range inputs {
		in.stack[2*i], in.stack[2*i+1] = uint64(in.ptr)+uint64(at), uint64(len(b))
		end := at + padded(len(b))
		clear(buf[at+copy(buf[at:], b) : end])
		at = end
	}
	if in.fuelUsed, err = in.run(function, in.limits.CallFuel); err != nil {
		return nil, err
	}
	return in.result(limit)
}

// padded returns the room that an input of n bytes takes, zeros and all.
func padded(n int) int { return aligned(n) + inputZeros }

// aligned returns n rounded up to a multiple of 8.
func aligned(n int) int { return (n + 7) &^ 7 }
