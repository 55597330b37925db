package wasm

import (
	"bytes"
	"errors"
	"fmt"
)

// What no module may have more of. Compilers' output stays far below; each bound keeps what decoding and instances cost
// in proportion to what a filter is for.
const (
	MaxTypes      = 10_000
	MaxImports    = 1_000
	MaxFunctions  = 50_000
	MaxTables     = 8
	MaxMemories   = 1
	MaxGlobals    = 5_000
	MaxExports    = 5_000
	MaxElements   = 5_000
	MaxData       = 100_000 // Go makes tens of thousands
	MaxTableSize  = 100_000 // entries
	MaxLocals     = 5_000   // in one function, params included
	MaxBodyBytes  = 1 << 20 // of one function
	maxParams     = 1_000
	maxSectionIDs = 13
)

// Section IDs (section 5.5.2).
const (
	SectionCustom    = 0
	SectionType      = 1
	SectionImport    = 2
	SectionFunction  = 3
	SectionTable     = 4
	SectionMemory    = 5
	SectionGlobal    = 6
	SectionExport    = 7
	SectionStart     = 8
	SectionElement   = 9
	SectionCode      = 10
	SectionData      = 11
	SectionDataCount = 12
)

var sectionNames = [maxSectionIDs]string{
	"custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data",
	"data count",
}

// Kind is what an import or export is.
type Kind byte

// Kinds (section 5.5.5).
const (
	KindFunc   Kind = 0
	KindTable  Kind = 1
	KindMemory Kind = 2
	KindGlobal Kind = 3
)

func (k Kind) String() string {
	if k > KindGlobal {
		return fmt.Sprintf("kind %d", byte(k))
	}
	return [...]string{"function", "table", "memory", "global"}[k]
}

type (
	// A Section is where a section's content lies in the module.
	Section struct {
		ID         byte
		Start, End int
	}

	// A Custom is a custom section: its name and where its content lies, behind the name.
	Custom struct {
		Name       string
		Start, End int
	}

	// A FuncType is a function's signature. Value types are those of section 5.3.
	FuncType struct{ Params, Results []byte }

	// An Import is one thing that a module wants of its host.
	Import struct {
		Module, Name string
		Kind         Kind
		Type         uint32 // of a function
	}

	// An Export is one thing that a module offers.
	Export struct {
		Name  string
		Kind  Kind
		Index uint32
	}

	// Limits are the least and, if there is one, the greatest size of a memory in pages or of a table in entries.
	Limits struct {
		Min, Max uint32
		HasMax   bool
	}

	// A Body is where a function's locals and code lie in the module.
	Body struct {
		Start, End int
		Locals     int // declared ones; params come on top
	}

	// A Module is what Decode found out.
	Module struct {
		Data      []byte
		Sections  []Section // without custom ones
		Customs   []Custom
		Types     []FuncType
		Imports   []Import
		Functions []uint32 // type of each defined function
		Tables    []Limits
		Memories  []Limits
		Globals   int // defined ones
		Exports   []Export
		Start     int // index of the start function; -1: none
		Bodies    []Body
		// DataLengths are those of the data segments, in bytes.
		DataLengths []uint32

		ImportedFunctions int
		ImportedGlobals   int
	}
)

// ErrNotWasm is returned for what is no WebAssembly binary at all.
var ErrNotWasm = errors.New(`it does not begin with "\0asm"`)

// ErrVersion is returned for a WebAssembly binary of an unknown version.
var ErrVersion = errors.New("it is not a version 1 module")

// preamble is the magic number and the version (section 5.5.16).
var preamble = []byte("\x00asm\x01\x00\x00\x00")

// Section returns the section with this ID.
func (m *Module) Section(id byte) (Section, bool) {
	for _, s := range m.Sections {
		if s.ID == id {
			return s, true
		}
	}
	return Section{}, false
}

// Signature returns the type of the function with this index, imported ones counting first.
func (m *Module) Signature(index uint32) (FuncType, bool) {
	typ := uint32(0)
	if n := uint32(m.ImportedFunctions); index >= n {
		if int(index-n) >= len(m.Functions) {
			return FuncType{}, false
		}
		typ = m.Functions[index-n]
	} else {
		for _, i := range m.Imports {
			if i.Kind != KindFunc {
				continue
			}
			if index == 0 {
				typ = i.Type
				break
			}
			index--
		}
	}
	if int(typ) >= len(m.Types) {
		return FuncType{}, false
	}
	return m.Types[typ], true
}

// Decode reads a module's structure. Errors name the section and the place.
func Decode(data []byte) (*Module, error) {
	if len(data) < 4 || !bytes.Equal(data[:4], preamble[:4]) {
		return nil, ErrNotWasm
	}
	if len(data) < 8 {
		return nil, ErrTruncated
	}
	if !bytes.Equal(data[:8], preamble) {
		return nil, ErrVersion
	}
	m := &Module{Data: data, Start: -1}
	r := NewReader(data, 8, len(data))
	for r.More() {
		if err := m.section(r); err != nil {
			return nil, err
		}
	}
	if len(m.Bodies) != len(m.Functions) {
		return nil, fmt.Errorf("it declares %d functions and has the code of %d", len(m.Functions), len(m.Bodies))
	}
	return m, r.Err()
}

func (m *Module) section(r *Reader) error {
	id := r.Byte()
	if id >= maxSectionIDs {
		r.pos--
		r.Fail("there is no section with ID %d", id)
		return r.Err()
	}
	size := r.U32()
	start := r.Pos()
	r.Bytes(size)
	if r.Err() != nil {
		return fmt.Errorf("in the %s section: %w", sectionNames[id], r.Err())
	}
	if id == SectionCustom {
		custom := NewReader(m.Data, start, r.Pos())
		m.Customs = append(m.Customs, Custom{Name: custom.Name(), Start: custom.Pos(), End: r.Pos()})
		return custom.Err()
	}
	if n := len(m.Sections); n > 0 && order(m.Sections[n-1].ID) >= order(id) {
		return fmt.Errorf("byte %d: the %s section stands twice or in the wrong place", start, sectionNames[id])
	}
	m.Sections = append(m.Sections, Section{ID: id, Start: start, End: r.Pos()})
	body := NewReader(m.Data, start, r.Pos())
	m.content(id, body)
	if body.More() {
		body.Fail("%d bytes too many", len(body.data)-body.pos)
	}
	if err := body.Err(); err != nil {
		if c := (*CountError)(nil); errors.As(err, &c) {
			return err
		}
		return fmt.Errorf("in the %s section: %w", sectionNames[id], err)
	}
	return nil
}

// order returns a section's place: the data count section comes between elements and code.
func order(id byte) int {
	switch id {
	case SectionDataCount:
		return 2*SectionElement + 1
	default:
		return 2 * int(id)
	}
}
