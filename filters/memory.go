package filters

import "github.com/tetratelabs/wazero/experimental"

// pageBytes is a page of linear memory.
const pageBytes = 64 << 10

// A linearMemory is an instance's memory, for which room is reserved at once: the guest grows it in no time, and the system
// provides, and clears, what it touches. So a guest that grows holds nobody up, and its memory is no matter of Go's collector.
// Growing it beyond its limit fails, as WebAssembly has it: the guest is told.
type linearMemory struct {
	limit  uint64 // bytes
	bytes  []byte // all that there is room for
	mapped bool   // and bytes are the system's
}

// Allocate implements experimental.MemoryAllocator, for one instance.
func (m *linearMemory) Allocate(_, _ uint64) experimental.LinearMemory { return m }

// Reallocate implements experimental.LinearMemory.
func (m *linearMemory) Reallocate(size uint64) []byte {
	if size > m.limit {
		return nil
	}
	if m.bytes == nil {
		m.bytes, m.mapped = reserveMemory(int(m.limit))
	}
	if have := uint64(len(m.bytes)); size > have || m.bytes == nil { // never of what is mapped, which is all
		m.bytes = append(m.bytes, make([]byte, size-have)...)
	}
	return m.bytes[:size:size]
}

// Free implements experimental.LinearMemory. Nobody may hold a part of it any more.
func (m *linearMemory) Free() {
	if m.mapped {
		releaseMemory(m.bytes)
	}
	*m = linearMemory{}
}
