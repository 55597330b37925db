package wasmtest

// Indices of a guest's functions, which come in this order.
const (
	GuestABI = iota
	GuestBuf
	GuestPrepare
	GuestMatch
	// GuestNext is the index of the first function that is added.
	GuestNext
)

// BufAt is where the input buffer of a Guest lies, and PrivateAt memory that it has to itself.
const (
	PrivateAt = 1024
	BufAt     = 4096
)

// Result encodes a result: an address and a length.
func Result(ptr, size uint32) int64 { return int64(uint64(ptr)<<32 | uint64(size)) }

// Failed encodes an error, with the address and the length of its text.
func Failed(ptr, size uint32) int64 { return int64(1<<63 | uint64(ptr)<<32 | uint64(size)) }

// Guest returns a filter without imports whose prepare returns nothing and whose match says no to all. Change what it
// should do otherwise.
func Guest() *Module {
	return &Module{
		MemoryMin: 8,
		Globals:   []int32{0},
		Funcs: []Func{
			GuestABI:     {Name: "weir_abi_1"},
			GuestBuf:     {Name: "weir_buf", Params: []byte{I32}, Results: []byte{I32}, Code: Const(BufAt)},
			GuestPrepare: {Name: "weir_prepare", Params: []byte{I32, I32}, Results: []byte{I64}, Locals: []byte{I32}, Code: Const64(Result(BufAt, 0))},
			GuestMatch:   {Name: "weir_match", Params: []byte{I32, I32, I32, I32, I32}, Results: []byte{I64}, Locals: []byte{I32}, Code: Const64(0)},
		},
	}
}

// With sets the code of a function of the guest.
func (m *Module) With(function int, code ...[]byte) *Module {
	m.Funcs[function].Code = Code(code...)
	return m
}

// Add adds a function.
func (m *Module) Add(f Func) *Module {
	m.Funcs = append(m.Funcs, f)
	return m
}

// WithKeys adds weir_keys and weir_interest with the same code.
func (m *Module) WithKeys(code ...[]byte) *Module {
	for _, name := range []string{"weir_keys", "weir_interest"} {
		m.Add(Func{Name: name, Params: []byte{I32, I32}, Results: []byte{I64}, Locals: []byte{I32}, Code: Code(code...)})
	}
	return m
}

// WithProject adds weir_project.
func (m *Module) WithProject(code ...[]byte) *Module {
	return m.Add(Func{
		Name: "weir_project", Params: []byte{I32, I32, I32, I32}, Results: []byte{I64}, Locals: []byte{I32}, Code: Code(code...),
	})
}
