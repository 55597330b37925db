package meter

import "bytes"

// Section ids (WebAssembly core specification 2.0, section 5.5.2).
const (
	sectionCustom    = 0
	sectionType      = 1
	sectionImport    = 2
	sectionFunction  = 3
	sectionTable     = 4
	sectionMemory    = 5
	sectionGlobal    = 6
	sectionExport    = 7
	sectionStart     = 8
	sectionElement   = 9
	sectionCode      = 10
	sectionData      = 11
	sectionDataCount = 12
)

// order is where a section stands among the others; custom sections stand anywhere.
var order = [...]int{
	sectionType: 1, sectionImport: 2, sectionFunction: 3, sectionTable: 4, sectionMemory: 5, sectionGlobal: 6,
	sectionExport: 7, sectionStart: 8, sectionElement: 9, sectionDataCount: 10, sectionCode: 11, sectionData: 12,
}

// header begins every module: magic and version 1.
var header = []byte("\x00asm\x01\x00\x00\x00")

// Kinds of imports and exports.
const (
	kindFunction = 0
	kindTable    = 1
	kindMemory   = 2
	kindGlobal   = 3
)

// A section is one part of a module, as read.
type section struct {
	id   byte
	body []byte
	off  int // of body, in the module
}

func (s *section) reader() *reader { return &reader{b: s.body, off: s.off} }

// A module is what has to be known of one to rewrite it.
type module struct {
	sections  []section
	params    []int    // by type: how many parameters
	functions []uint32 // by function defined here: its type
	globals   uint32   // imported and defined
	start     int64    // fuel of a new instance
}

func parseModule(b []byte) (*module, error) {
	if !bytes.HasPrefix(b, header) {
		return nil, malformed(0, "no WebAssembly binary module of version 1")
	}
	m := &module{}
	r := &reader{b: b, pos: len(header)}
	last := 0
	for !r.end() {
		at := r.at()
		s, err := nextSection(r)
		if err != nil {
			return nil, err
		}
		if s.id != sectionCustom {
			if int(s.id) >= len(order) {
				return nil, malformed(at, "unknown section %d", s.id)
			}
			if order[s.id] <= last {
				return nil, malformed(at, "section %d is out of order", s.id)
			}
			last = order[s.id]
		}
		m.sections = append(m.sections, s)
		if err := m.learn(&s); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func nextSection(r *reader) (section, error) {
	id, err := r.byte()
	if err != nil {
		return section{}, err
	}
	n, err := r.u32()
	if err != nil {
		return section{}, err
	}
	body, err := r.sub(n)
	if err != nil {
		return section{}, err
	}
	return section{id: id, body: body.b, off: body.off}, nil
}

// learn takes from a section what rewriting others needs.
func (m *module) learn(s *section) error {
	switch s.id {
	case sectionCustom:
		r := s.reader()
		name, err := r.name()
		if err == nil && name == "name" {
			err = checkNames(r)
		}
		return err
	case sectionType:
		return m.learnTypes(s.reader())
	case sectionImport:
		return m.learnImports(s.reader())
	case sectionFunction:
		return m.learnFunctions(s.reader())
	case sectionTable:
		return checkTables(s.reader())
	case sectionMemory:
		return checkMemories(s.reader())
	case sectionGlobal:
		n, err := s.reader().u32()
		if err != nil {
			return err
		}
		m.globals += n
		return checkGlobals(s.reader())
	case sectionElement:
		return checkElements(s.reader())
	case sectionData:
		return checkData(s.reader())
	case sectionExport:
		return m.checkExports(s.reader())
	}
	return nil
}

func (m *module) learnTypes(r *reader) error {
	return eachItem(r, func() error {
		at := r.at()
		form, err := r.byte()
		if err != nil {
			return err
		}
		if form != 0x60 {
			return malformed(at, "type of form %#x is no function type", form)
		}
		params, err := valueTypes(r)
		if err != nil {
			return err
		}
		m.params = append(m.params, params)
		_, err = valueTypes(r) // results
		return err
	})
}

// valueTypes passes over a vector of value types and returns its length.
func valueTypes(r *reader) (int, error) {
	n, err := r.u32()
	if err != nil {
		return 0, err
	}
	types, err := r.bytes(n)
	if err != nil {
		return 0, err
	}
	if bytes.IndexByte(types, typeVector) >= 0 {
		return 0, refused("vector (SIMD) type before byte %d", r.at())
	}
	return int(n), nil
}

func (m *module) learnImports(r *reader) error {
	return eachItem(r, func() error {
		for range 2 { // module and name
			if _, err := r.name(); err != nil {
				return err
			}
		}
		return m.learnImport(r)
	})
}

func (m *module) learnImport(r *reader) error {
	at := r.at()
	kind, err := r.byte()
	if err != nil {
		return err
	}
	switch kind {
	case kindFunction:
		return r.skipInt(32)
	case kindTable:
		if _, err := r.byte(); err != nil {
			return err
		}
		return skipLimits(r)
	case kindMemory:
		return skipLimits(r)
	case kindGlobal:
		m.globals++
		_, err := r.bytes(2) // type, mutability
		return err
	}
	return malformed(at, "import of unknown kind %d", kind)
}

func skipLimits(r *reader) error {
	flags, err := r.byte()
	if err != nil {
		return err
	}
	for range 1 + flags&1 { // minimum, and maximum if the lowest bit says so
		if err := r.skipInt(32); err != nil {
			return err
		}
	}
	return nil
}

func (m *module) learnFunctions(r *reader) error {
	return eachItem(r, func() error {
		at := r.at()
		t, err := r.u32()
		if err != nil {
			return err
		}
		if int(t) >= len(m.params) {
			return malformed(at, "function of unknown type %d", t)
		}
		m.functions = append(m.functions, t)
		return nil
	})
}

// checkExports refuses names that the counters take, and exports of the counters by other names.
func (m *module) checkExports(r *reader) error {
	return eachItem(r, func() error {
		name, err := r.name()
		if err != nil {
			return err
		}
		if name == FuelExport || name == DepthExport {
			return refused("export %q: the name is reserved", name)
		}
		kind, err := r.byte()
		if err != nil {
			return err
		}
		index, err := r.u32()
		if err != nil {
			return err
		}
		if kind == kindGlobal && index >= m.globals {
			return malformed(r.at(), "export %q of unknown global %d", name, index)
		}
		return nil
	})
}
