package meter

// A reader walks over a part of a module. Its errors name places in the whole.
type reader struct {
	b   []byte
	pos int // of the next byte, in b
	off int // of b's first byte, in the module
}

func (r *reader) at() int   { return r.off + r.pos }
func (r *reader) len() int  { return len(r.b) - r.pos }
func (r *reader) end() bool { return r.pos >= len(r.b) }

func (r *reader) byte() (byte, error) {
	if r.end() {
		return 0, malformed(r.at(), "unexpected end")
	}
	r.pos++
	return r.b[r.pos-1], nil
}

func (r *reader) bytes(n uint32) ([]byte, error) {
	if uint64(n) > uint64(r.len()) {
		return nil, malformed(r.at(), "%d bytes wanted, %d are left", n, r.len())
	}
	r.pos += int(n)
	return r.b[r.pos-int(n) : r.pos], nil
}

// sub returns a reader for the next n bytes and goes on behind them.
func (r *reader) sub(n uint32) (*reader, error) {
	off := r.at()
	b, err := r.bytes(n)
	return &reader{b: b, off: off}, err
}

// u32 reads an unsigned LEB128 integer (WebAssembly core specification 2.0, section 5.2.2).
func (r *reader) u32() (uint32, error) {
	at := r.at()
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		b, err := r.byte()
		if err != nil {
			return 0, err
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if v > 1<<32-1 {
				break
			}
			return uint32(v), nil
		}
	}
	return 0, malformed(at, "integer too large")
}

// skipInt passes over a LEB128 integer of at most bits bits. What it says is left to the validator.
func (r *reader) skipInt(bits int) error {
	at := r.at()
	for n := 0; n < (bits+6)/7; n++ {
		b, err := r.byte()
		if err != nil {
			return err
		}
		if b < 0x80 {
			return nil
		}
	}
	return malformed(at, "integer too long")
}

// count reads the length of a vector whose items take at least a byte each, so that a claim can't be larger than what is
// there.
func (r *reader) count() (int, error) {
	at := r.at()
	n, err := r.u32()
	if err != nil {
		return 0, err
	}
	if uint64(n) > uint64(r.len()) {
		return 0, malformed(at, "%d items in %d bytes", n, r.len())
	}
	return int(n), nil
}

// name reads a string.
func (r *reader) name() (string, error) {
	n, err := r.u32()
	if err != nil {
		return "", err
	}
	b, err := r.bytes(n)
	return string(b), err
}

func appendU32(dst []byte, v uint32) []byte { return appendU64(dst, uint64(v)) }

func appendU64(dst []byte, v uint64) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

func appendS64(dst []byte, v int64) []byte {
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && b&0x40 == 0) || (v == -1 && b&0x40 != 0) {
			return append(dst, b)
		}
		dst = append(dst, b|0x80)
	}
}

func appendName(dst []byte, name string) []byte {
	return append(appendU32(dst, uint32(len(name))), name...)
}
