//go:build wasip1

// Package projection exports a filter's Project. Import it for effect: import _ "PROJECT/weir/projection".
package projection

import (
	"unsafe"

	"weir/filters/sdk/go"
)

//go:wasmexport weir_project
func project(event unsafe.Pointer, eventSize uint32, prepared unsafe.Pointer, preparedSize uint32) uint64 {
	return weir.Project(event, eventSize, prepared, preparedSize)
}
