package filters

import "time"

// pristine is what every instance of a program looks like before its first call: guests have no clock, no randomness and
// no input before that but the size of their first buffer, so all begin alike.
type pristine struct {
	names      []string // of the mutable globals' exports
	restorable bool     // memory and globals are all there is

	memory  []byte // up to its last byte that isn't 0
	size    uint32 // of the memory, in bytes
	globals []uint64
	// The first input buffer.
	bufPtr, bufSize uint32
}

// restoreAtOnce is how much memory is put back before others may run, in bytes: it takes about as long as a slice of fuel.
const restoreAtOnce = 256 << 10

// capture takes the picture.
func (p *pristine) capture(in *instance) {
	p.size = in.memory.Size()
	view, _ := in.memory.Read(0, p.size)
	for len(view) > 0 && view[len(view)-1] == 0 {
		view = view[:len(view)-1]
	}
	p.memory = append([]byte(nil), view...)
	for _, g := range in.globals {
		p.globals = append(p.globals, g.Get())
	}
	p.bufPtr, p.bufSize = in.ptr, in.size
}

// restore puts an instance back to its beginnings. False: that can't be done, it has to be replaced.
func (p *pristine) restore(in *instance) bool {
	if !p.restorable || in.memory.Size() != p.size {
		return false
	}
	view, ok := in.memory.Read(0, p.size)
	if !ok {
		return false
	}
	start := time.Now()
	for picture := p.memory; ; {
		piece := view[:min(len(view), restoreAtOnce)]
		n := copy(piece, picture)
		clear(piece[n:])
		picture, view = picture[n:], view[len(piece):]
		if len(view) == 0 {
			break
		}
		_ = in.governor.yield(time.Since(start)) // who is to leave does so at the end of the first slice
		start = time.Now()
	}
	in.governor.due += time.Since(start)
	for i, g := range in.globals {
		g.Set(p.globals[i])
	}
	in.ptr, in.size, in.calls, in.private = p.bufPtr, p.bufSize, 0, false
	return true
}
