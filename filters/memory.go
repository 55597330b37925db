package filters

import "github.com/tetratelabs/wazero/experimental"

// pageBytes is a page of linear memory.
const pageBytes = 64 << 10

// A linearMemory is an instance's memory. Growing it beyond its limit fails, as WebAssembly has it: the guest is told.
type linearMemory struct {
	bytes []byte
	limit uint64
}

// memoryOf returns an allocator for one instance.
func memoryOf(pages uint32) experimental.MemoryAllocator {
	return experimental.MemoryAllocatorFunc(func(_, _ uint64) experimental.LinearMemory {
		return &linearMemory{limit: uint64(pages) * pageBytes}
	})
}

// Reallocate implements experimental.LinearMemory.
func (m *linearMemory) Reallocate(size uint64) []byte {
	if size > m.limit {
		return nil
	}
	if have := uint64(len(m.bytes)); size > have || m.bytes == nil {
		m.bytes = append(m.bytes, make([]byte, size-have)...)
	}
	return m.bytes
}

// Free implements experimental.LinearMemory.
func (m *linearMemory) Free() { m.bytes = nil }
