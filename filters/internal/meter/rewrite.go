package meter

// rewrite puts the module together again, metered.
func (m *module) rewrite() ([]byte, error) {
	size := len(header)
	for _, s := range m.sections {
		size += len(s.body) + 8
	}
	out := append(make([]byte, 0, 2*size), header...)
	m.complete()
	for i := range m.sections {
		body, err := m.rewriteSection(&m.sections[i])
		if err != nil {
			return nil, err
		}
		out = append(out, m.sections[i].id)
		out = appendU32(out, uint32(len(body)))
		out = append(out, body...)
	}
	return out, nil
}

// complete adds empty sections where the module has none to which the counters could be added.
func (m *module) complete() {
	for _, id := range []byte{sectionGlobal, sectionExport} {
		at := len(m.sections)
		present := false
		for i, s := range m.sections {
			if s.id == id {
				present = true
				break
			}
			if s.id != sectionCustom && order[s.id] > order[id] {
				at = i
				break
			}
		}
		if present {
			continue
		}
		empty := section{id: id, body: []byte{0}}
		m.sections = append(m.sections[:at:at], append([]section{empty}, m.sections[at:]...)...)
	}
}

func (m *module) rewriteSection(s *section) ([]byte, error) {
	switch s.id {
	case sectionGlobal:
		return appendItems(s, 2, func(dst []byte) []byte {
			dst = append(appendS64(append(dst, typeI64, 1, opI64Const), m.start), opEnd)
			return append(dst, typeI32, 1, opI32Const, 0, opEnd)
		})
	case sectionExport:
		return appendItems(s, 2, func(dst []byte) []byte {
			dst = append(appendName(dst, FuelExport), kindGlobal)
			dst = appendU32(dst, m.globals)
			dst = append(appendName(dst, DepthExport), kindGlobal)
			return appendU32(dst, m.globals+1)
		})
	case sectionCode:
		return m.rewriteCode(s.reader())
	}
	return s.body, nil
}

// appendItems adds n items to a section that is a vector.
func appendItems(s *section, n uint32, items func([]byte) []byte) ([]byte, error) {
	r := s.reader()
	have, err := r.u32()
	if err != nil {
		return nil, err
	}
	body := appendU32(make([]byte, 0, len(s.body)+64), have+n)
	return items(append(body, r.b[r.pos:]...)), nil
}

func (m *module) rewriteCode(r *reader) ([]byte, error) {
	n, err := r.count()
	if err != nil {
		return nil, err
	}
	if n != len(m.functions) {
		return nil, malformed(r.at(), "%d function bodies for %d functions", n, len(m.functions))
	}
	out := appendU32(make([]byte, 0, 2*r.len()), uint32(n))
	for i := range n {
		size, err := r.u32()
		if err != nil {
			return nil, err
		}
		code, err := r.sub(size)
		if err != nil {
			return nil, err
		}
		f, err := parseFunction(code, m.params[m.functions[i]], m.globals)
		if err != nil {
			return nil, err
		}
		body := f.rewrite()
		out = appendU32(out, uint32(len(body)))
		out = append(out, body...)
	}
	if !r.end() {
		return nil, malformed(r.at(), "bytes behind the last function")
	}
	return out, nil
}
