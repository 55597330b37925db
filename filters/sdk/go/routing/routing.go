//go:build wasip1

// Package routing exports a filter's Keys and Interest. Import it for effect: import _ "PROJECT/weir/routing".
package routing

import (
	"unsafe"

	"weir/filters/sdk/go"
)

//go:wasmexport weir_keys
func keys(event unsafe.Pointer, eventSize uint32) uint64 { return weir.Keys(event, eventSize) }

//go:wasmexport weir_interest
func interest(prepared unsafe.Pointer, preparedSize uint32) uint64 {
	return weir.Interest(prepared, preparedSize)
}
