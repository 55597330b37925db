package filters

import "syscall"

// reserveMemory asks the system for zeroed memory that takes up nothing before it is touched. Not ok: it has none.
func reserveMemory(size int) (b []byte, ok bool) {
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	return b, err == nil
}

// releaseMemory gives back what reserveMemory has returned.
func releaseMemory(b []byte) { _ = syscall.Munmap(b) } // fails only for what is not mapped
