package wasm

// AppendU32 appends v as unsigned LEB128.
func AppendU32(dst []byte, v uint32) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// AppendI64 appends v as signed LEB128, which also serves for i32.
func AppendI64(dst []byte, v int64) []byte {
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && b&0x40 == 0) || (v == -1 && b&0x40 != 0) {
			return append(dst, b)
		}
		dst = append(dst, b|0x80)
	}
}

// AppendName appends s with its length.
func AppendName(dst []byte, s string) []byte {
	return append(AppendU32(dst, uint32(len(s))), s...)
}

// AppendSection appends a section.
func AppendSection(dst []byte, id byte, content []byte) []byte {
	dst = AppendU32(append(dst, id), uint32(len(content)))
	return append(dst, content...)
}

// AppendPreamble appends what every module begins with.
func AppendPreamble(dst []byte) []byte { return append(dst, preamble...) }
