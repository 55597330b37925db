package meter

// The sections in which nothing is changed are walked over all the same: wazero takes memory for as many items as a
// section says it has, before it looks for them, and a few bytes can claim billions.

func checkTables(r *reader) error {
	return eachItem(r, func() error {
		if _, err := r.byte(); err != nil { // type
			return err
		}
		return skipLimits(r)
	})
}

func checkMemories(r *reader) error { return eachItem(r, func() error { return skipLimits(r) }) }

func checkGlobals(r *reader) error {
	return eachItem(r, func() error {
		if _, err := r.bytes(2); err != nil { // type, mutability
			return err
		}
		return skipExpression(r)
	})
}

// checkElements follows the eight forms of WebAssembly core specification 2.0, section 5.5.12.
func checkElements(r *reader) error {
	return eachItem(r, func() error {
		at := r.at()
		form, err := r.u32()
		if err != nil {
			return err
		}
		if form > 7 {
			return malformed(at, "element segment of unknown form %d", form)
		}
		passive, explicit, expressions := form&1 != 0, form&2 != 0, form&4 != 0
		if !passive {
			if explicit {
				if err := r.skipInt(32); err != nil { // table
					return err
				}
			}
			if err := skipExpression(r); err != nil {
				return err
			}
		}
		if passive || explicit {
			if _, err := r.byte(); err != nil { // kind or type
				return err
			}
		}
		if expressions {
			return eachItem(r, func() error { return skipExpression(r) })
		}
		return eachItem(r, func() error { return r.skipInt(32) })
	})
}

// checkData follows the three forms of section 5.5.14.
func checkData(r *reader) error {
	return eachItem(r, func() error {
		at := r.at()
		form, err := r.u32()
		if err != nil {
			return err
		}
		switch form {
		case 2:
			if err := r.skipInt(32); err != nil { // memory
				return err
			}
			fallthrough
		case 0:
			if err := skipExpression(r); err != nil {
				return err
			}
		case 1: // passive
		default:
			return malformed(at, "data segment of unknown form %d", form)
		}
		_, err = r.name()
		return err
	})
}

// eachItem calls item for each item of a vector.
func eachItem(r *reader, item func() error) error {
	n, err := r.count()
	if err != nil {
		return err
	}
	for range n {
		if err := item(); err != nil {
			return err
		}
	}
	return nil
}

// skipExpression passes over a constant expression and its end.
func skipExpression(r *reader) error {
	for {
		in, err := next(r)
		if err != nil || in.op == opEnd {
			return err
		}
	}
}
