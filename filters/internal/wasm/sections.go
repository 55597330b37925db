package wasm

import (
	"bytes"
	"errors"
)

// Value types (section 5.3) that a filter's exports use, and those that instructions name.
const (
	I32     = 0x7f
	I64     = 0x7e
	F32     = 0x7d
	F64     = 0x7c
	V128    = 0x7b
	FuncRef = 0x70
	ExtRef  = 0x6f
)

// content reads a section.
func (m *Module) content(id byte, r *Reader) {
	switch id {
	case SectionType:
		for range r.Count("types", MaxTypes) {
			m.Types = append(m.Types, readType(r))
		}
	case SectionImport:
		for range r.Count("imports", MaxImports) {
			m.readImport(r)
		}
	case SectionFunction:
		for range r.Count("functions", MaxFunctions) {
			m.Functions = append(m.Functions, r.U32())
		}
	case SectionTable:
		for range r.Count("tables", MaxTables) {
			r.Byte()
			m.Tables = append(m.Tables, readLimits(r))
		}
	case SectionMemory:
		for range r.Count("memories", MaxMemories) {
			m.Memories = append(m.Memories, readLimits(r))
		}
	case SectionGlobal:
		m.Globals = r.Count("globals", MaxGlobals)
		for range m.Globals {
			if r.Byte() == V128 {
				r.unsupported(prefixVectors)
			}
			r.Byte()
			SkipExpr(r)
		}
	case SectionExport:
		for range r.Count("exports", MaxExports) {
			m.Exports = append(m.Exports, Export{Name: r.Name(), Kind: Kind(r.Byte()), Index: r.U32()})
		}
	case SectionStart:
		m.Start = int(r.U32())
	case SectionElement:
		for range r.Count("element segments", MaxElements) {
			skipElement(r)
		}
	case SectionCode:
		m.readCode(r)
	case SectionData:
		for range r.Count("data segments", MaxData) {
			m.DataLengths = append(m.DataLengths, readData(r))
		}
	case SectionDataCount:
		r.U32()
	}
}

func readType(r *Reader) FuncType {
	if r.Byte() != 0x60 {
		r.Fail("a type is not that of a function")
	}
	t := FuncType{Params: r.Bytes(uint32(r.Count("params of one function", maxParams)))}
	t.Results = r.Bytes(uint32(r.Count("results of one function", maxParams)))
	if bytes.IndexByte(t.Params, V128) >= 0 || bytes.IndexByte(t.Results, V128) >= 0 {
		r.unsupported(prefixVectors)
	}
	return t
}

func (m *Module) readImport(r *Reader) {
	i := Import{Module: r.Name(), Name: r.Name(), Kind: Kind(r.Byte())}
	switch i.Kind {
	case KindFunc:
		i.Type = r.U32()
		m.ImportedFunctions++
	case KindTable:
		r.Byte()
		readLimits(r)
	case KindMemory:
		readLimits(r)
	case KindGlobal:
		r.Byte()
		r.Byte()
		m.ImportedGlobals++
	default:
		r.Fail("an import is of no known kind")
	}
	m.Imports = append(m.Imports, i)
}

// ErrShared is wrapped where a memory is shared or of 64 bits: proposals that filters can't use.
var ErrShared = errors.New("a memory or table is shared or has 64-bit addresses, which filters can't use")

func readLimits(r *Reader) Limits {
	flags := r.Byte()
	if flags > 1 {
		r.Fail("%w", ErrShared)
	}
	l := Limits{Min: r.U32(), HasMax: flags == 1}
	if l.HasMax {
		l.Max = r.U32()
	}
	return l
}

func (m *Module) readCode(r *Reader) {
	for range r.Count("functions", MaxFunctions) {
		size := r.U32()
		start := r.Pos()
		r.Bytes(size)
		if r.Err() != nil {
			return
		}
		if size > MaxBodyBytes {
			r.err = &CountError{What: "bytes of code in one function", Count: size, Limit: MaxBodyBytes}
			return
		}
		body := NewReader(r.data, start, r.Pos())
		locals := readLocals(body)
		if r.err = body.Err(); r.err != nil {
			return
		}
		m.Bodies = append(m.Bodies, Body{Start: start, End: r.Pos(), Locals: locals})
	}
}

func readLocals(r *Reader) int {
	total := uint64(0)
	for range r.Count("groups of locals in one function", MaxLocals) {
		total += uint64(r.U32())
		if r.Byte() == V128 {
			r.unsupported(prefixVectors)
		}
	}
	if total > MaxLocals && r.err == nil {
		r.err = &CountError{What: "locals in one function", Count: uint32(min(total, 1<<32-1)), Limit: MaxLocals}
	}
	return int(total)
}

// readData reads a data segment and returns its length.
func readData(r *Reader) (length uint32) {
	switch r.U32() {
	case 0:
		SkipExpr(r)
	case 1:
	case 2:
		r.U32()
		SkipExpr(r)
	default:
		r.Fail("a data segment is of no known form")
	}
	length = r.U32()
	r.Bytes(length)
	return length
}

// skipElement reads one element segment (section 5.5.12).
func skipElement(r *Reader) {
	WalkElement(r, func(int, uint32) {}, func() { SkipExpr(r) })
}

// WalkElement reads one element segment. It calls function after each function index that it has read, with the
// position where that began, and expr where an expression begins that fills a table or says where in it; expr reads it.
func WalkElement(r *Reader, function func(start int, index uint32), expr func()) {
	const (
		passive  = 1 // or declarative
		explicit = 2 // the table, or declarative
		exprs    = 4
	)
	flags := r.U32()
	if flags > 7 {
		r.Fail("an element segment is of no known form")
		return
	}
	if flags&passive == 0 {
		if flags&explicit != 0 {
			r.U32()
		}
		expr()
	}
	if flags&(passive|explicit) != 0 {
		r.Byte()
	}
	for range r.Count("entries in one element segment", MaxTableSize) {
		start := r.Pos()
		if flags&exprs != 0 {
			expr()
		} else if index := r.U32(); r.Err() == nil {
			function(start, index)
		}
		if r.Err() != nil {
			return
		}
	}
}

// SkipExpr reads an expression up to its end.
func SkipExpr(r *Reader) {
	for r.More() {
		if in := r.Instruction(); in.Op == OpEnd {
			return
		}
	}
	r.Fail("%w", ErrTruncated)
}
