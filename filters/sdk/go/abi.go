//go:build wasip1

package weir

import "unsafe"

// served is the module's filter.
var served Filter

// Serve says what the filter is. Call it in an init function: main is not run.
func Serve(f Filter) { served = f }

// What the host was given an address of, kept from the collector until the next call.
var (
	input  []byte
	output []byte
)

//go:wasmexport weir_abi_1
func abi1() {}

//go:wasmexport weir_buf
func buf(size uint32) unsafe.Pointer {
	input = make([]byte, size)
	return unsafe.Pointer(unsafe.SliceData(input))
}

//go:wasmexport weir_prepare
func prepare(params unsafe.Pointer, size uint32) uint64 {
	return answer(served.Prepare(unsafe.Slice((*byte)(params), size)))
}

//go:wasmexport weir_match
func match(event unsafe.Pointer, eventSize uint32, set unsafe.Pointer, count uint32, verdicts unsafe.Pointer) uint64 {
	served.Decide(eventAt(event, eventSize), Groups{set: set, count: int(count)},
		Verdicts{words: unsafe.Slice((*uint64)(verdicts), (count+63)/64)})
	return 0
}

// Project is called by the package projection.
func Project(event unsafe.Pointer, eventSize uint32, prepared unsafe.Pointer, preparedSize uint32) uint64 {
	return answer(served.Project(eventAt(event, eventSize), unsafe.Slice((*byte)(prepared), preparedSize)))
}

// Keys is called by the package routing.
func Keys(event unsafe.Pointer, eventSize uint32) uint64 {
	return answerKeys(served.Keys(eventAt(event, eventSize)))
}

// Interest is called by the package routing.
func Interest(prepared unsafe.Pointer, preparedSize uint32) uint64 {
	return answerKeys(served.Interest(unsafe.Slice((*byte)(prepared), preparedSize)))
}

// mostKeys is how many routing keys an event or a group has.
const mostKeys = 64

func answerKeys(keys []uint64) uint64 {
	if len(keys) > mostKeys {
		keys = []uint64{AnyKey}
	}
	return answer(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(keys))), 8*len(keys)), nil)
}

// failed is bit 63 of a result: what it points to is an error's text.
const failed = 1 << 63

// answer packs what a call returns: an address and a length.
func answer(bytes []byte, err error) uint64 {
	output = bytes
	var mark uint64
	if err != nil {
		output, mark = []byte(err.Error()), failed
	}
	if len(output) == 0 {
		return mark
	}
	return mark | uint64(uintptr(unsafe.Pointer(unsafe.SliceData(output))))<<32 | uint64(len(output))
}

//go:wasmimport weir log
func hostLog(text unsafe.Pointer, size uint32)

// Log says something: "weir filter logs" shows it. The first 256 bytes of a message are kept, and so many messages a second.
func Log(text string) { hostLog(unsafe.Pointer(unsafe.StringData(text)), uint32(len(text))) }

func eventAt(start unsafe.Pointer, size uint32) Event {
	return Event{bytes: unsafe.Slice((*byte)(start), size)}
}
