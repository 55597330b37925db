package e2e

// A guest is a WebAssembly module to be assembled: a valid filter that lets everything through, but for what a test puts
// in its place.
type guest struct {
	imports []byte // an import section's body
	pages   byte   // of memory, at the start
	exports map[string]guestFunc
}

// A guestFunc is a function's type, by index into guestTypes, and its body without the final end.
type guestFunc struct {
	kind byte
	body []byte
}

const (
	kindNone    = iota // () -> ()
	kindBuf            // (i32) -> (i32)
	kindPrepare        // (i32, i32) -> (i64)
	kindMatch          // (i32, i32, i32, i32, i32) -> (i64)
)

var guestTypes = []byte{
	4, 0x60, 0, 0,
	0x60, 1, i32, 1, i32,
	0x60, 2, i32, i32, 1, i64,
	0x60, 5, i32, i32, i32, i32, i32, 1, i64,
}

const (
	i32 = 0x7f
	i64 = 0x7e
)

// newGuest returns a guest whose prepare answers with nothing and whose match with body.
func newGuest(match ...byte) *guest {
	return &guest{pages: 2, exports: map[string]guestFunc{
		"weir_abi_1":   {kindNone, nil},
		"weir_buf":     {kindBuf, []byte{0x41, 0x80, 0x08}}, // 1024
		"weir_prepare": {kindPrepare, []byte{0x42, 0}},
		"weir_match":   {kindMatch, match},
	}}
}

func (g *guest) with(name string, f guestFunc) *guest {
	g.exports[name] = f
	return g
}

func (g *guest) without(name string) *guest {
	delete(g.exports, name)
	return g
}

func (g *guest) module() []byte {
	var functions, exports, code []byte
	n := byte(0)
	for _, name := range []string{"weir_abi_1", "weir_buf", "weir_prepare", "weir_match", "extra"} {
		f, ok := g.exports[name]
		if !ok {
			continue
		}
		functions = append(functions, f.kind)
		exports = append(append(append(exports, byte(len(name))), name...), 0, n)
		body := append(append([]byte{0}, f.body...), 0x0b)
		code = append(append(code, leb(len(body))...), body...)
		n++
	}
	exports = append(append(append([]byte{n + 1}, exports...), 6), "memory\x02\x00"...)
	module := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range []struct {
		id   byte
		body []byte
	}{
		{1, guestTypes},
		{2, g.imports},
		{3, append([]byte{n}, functions...)},
		{5, append([]byte{1, 0}, leb(int(g.pages))...)},
		{7, exports},
		{10, append([]byte{n}, code...)},
	} {
		if len(s.body) > 0 {
			module = append(append(append(module, s.id), leb(len(s.body))...), s.body...)
		}
	}
	return module
}

// leb encodes an unsigned integer.
func leb(v int) []byte {
	var b []byte
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}
