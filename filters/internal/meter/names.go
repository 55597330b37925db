package meter

// checkNames refuses a name section whose parts reach beyond their ends (WebAssembly core specification 2.0, appendix,
// "Name Section"). Such a section could be ignored, but wazero reads on behind it, so what it then says depends on what
// follows; better to refuse it than to have modules that compile only before they are metered.
func checkNames(r *reader) error {
	for !r.end() {
		id, err := r.byte()
		if err != nil {
			return err
		}
		size, err := r.u32()
		if err != nil {
			return err
		}
		part, err := r.sub(size)
		if err != nil {
			return err
		}
		if err := checkNamePart(part, id); err != nil {
			return err
		}
	}
	return nil
}

func checkNamePart(r *reader, id byte) error {
	var err error
	switch id {
	case 0: // the module's name
		_, err = r.name()
	case 1: // functions
		err = skipNameMap(r)
	case 2: // locals, by function
		err = skipIndirectNameMap(r)
	default: // newer kinds, which nobody here reads
		return nil
	}
	if err == nil && !r.end() {
		err = malformed(r.at(), "name section: bytes behind part %d", id)
	}
	return err
}

func skipNameMap(r *reader) error {
	return eachItem(r, func() error {
		if _, err := r.u32(); err != nil {
			return err
		}
		_, err := r.name()
		return err
	})
}

func skipIndirectNameMap(r *reader) error {
	return eachItem(r, func() error {
		if _, err := r.u32(); err != nil {
			return err
		}
		return skipNameMap(r)
	})
}
