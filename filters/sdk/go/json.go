package weir

import (
	"math/bits"
	"strconv"
	"strings"
)

const (
	// maxPaths is how many paths one pass looks for.
	maxPaths = 64
	// maxDepth is the deepest nesting. Deeper texts count as not JSON.
	maxDepth = 64
)

// A Kind is a kind of JSON value.
type Kind byte

// Kinds of values. Nested is an array or an object.
const (
	Missing Kind = iota
	Null
	False
	True
	Number
	String
	Nested
)

// A Value is a JSON value in place. Text is a number's, or a string's without quotes and with its escapes.
type Value struct {
	Kind Kind
	Text []byte
}

// Float returns the value of a number, correctly rounded. False: it is none, or too large for 64 bits.
func (v Value) Float() (float64, bool) {
	if v.Kind != Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v.Text), 64)
	return f, err == nil
}

// Find finds the values of paths such as "position.lon" in one pass, without building anything; in an array, a name of
// digits counts from 0. Of fields with the same name the last one counts. False: the whole text is not JSON (RFC 8259),
// and nothing is found. found is as long as paths, at most 64.
func Find(text []byte, found []Value, paths ...string) bool {
	if len(paths) > maxPaths || len(paths) != len(found) {
		panic("weir: Find needs room for what it finds, at most 64 values")
	}
	clear(found)
	s := scanner{text: text, paths: paths, found: found}
	s.space()
	if _, ok := s.value(1<<len(paths)-1, 0); ok {
		if s.space(); s.at == len(text) {
			return true
		}
	}
	clear(found)
	return false
}

// A scanner is one pass over a text.
type scanner struct {
	text  []byte
	at    int
	paths []string
	found []Value
}

// peek returns the next byte; at the end 0, which nothing accepts.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for c := s.peek(); c == ' ' || c == '\n' || c == '\r' || c == '\t'; c = s.peek() {
		s.at++
	}
}

// take passes over a byte, which is not 0.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

// value scans a value inside of depth arrays and objects. wanted has a bit per path that leads into it.
func (s *scanner) value(wanted uint64, depth int) (Value, bool) {
	switch c := s.peek(); c {
	case '"':
		return s.str()
	case '{', '[':
		return Value{Kind: Nested}, depth < maxDepth && s.nested(wanted, depth, c == '{')
	case 't':
		return s.word("true", True)
	case 'f':
		return s.word("false", False)
	case 'n':
		return s.word("null", Null)
	}
	return s.number()
}

func (s *scanner) word(word string, kind Kind) (Value, bool) {
	for i := range len(word) {
		if !s.take(word[i]) {
			return Value{}, false
		}
	}
	return Value{Kind: kind}, true
}

func (s *scanner) str() (Value, bool) {
	if !s.take('"') {
		return Value{}, false
	}
	start := s.at
	for {
		c := s.peek()
		if c == '"' {
			s.at++
			return Value{Kind: String, Text: s.text[start : s.at-1]}, true
		}
		if c < 0x20 {
			return Value{}, false
		}
		s.at++
		if c == '\\' && !s.escape() {
			return Value{}, false
		}
	}
}

func (s *scanner) escape() bool {
	c := s.peek()
	s.at++
	if c != 'u' {
		return c != 0 && strings.IndexByte(`"\/bfnrt`, c) >= 0
	}
	for range 4 {
		if !isHex(s.peek()) {
			return false
		}
		s.at++
	}
	return true
}

func isHex(c byte) bool { return c-'0' < 10 || c|0x20-'a' < 6 }

func (s *scanner) digits() bool {
	start := s.at
	for s.peek()-'0' < 10 {
		s.at++
	}
	return s.at > start
}

func (s *scanner) number() (Value, bool) {
	start := s.at
	s.take('-')
	if !s.take('0') && !s.digits() {
		return Value{}, false
	}
	if s.take('.') && !s.digits() {
		return Value{}, false
	}
	if s.take('e') || s.take('E') {
		_ = s.take('+') || s.take('-')
		if !s.digits() {
			return Value{}, false
		}
	}
	return Value{Kind: Number, Text: s.text[start:s.at]}, true
}

// nested scans an object or an array.
func (s *scanner) nested(wanted uint64, depth int, object bool) bool {
	closing := byte(']')
	if object {
		closing = '}'
	}
	s.at++
	if s.space(); s.take(closing) {
		return true
	}
	for index := 0; ; index++ {
		var name Value
		if object {
			s.space()
			var ok bool
			if name, ok = s.str(); !ok {
				return false
			}
			if s.space(); !s.take(':') {
				return false
			}
		}
		if !s.member(wanted, depth, name, index) {
			return false
		}
		if !s.take(',') {
			return s.take(closing)
		}
	}
}

// member scans the value of a member, named as an object's or by its index, and the space around it.
func (s *scanner) member(wanted uint64, depth int, name Value, index int) bool {
	var ending, inside uint64
	for left := wanted; left != 0; left &= left - 1 {
		i := bits.TrailingZeros64(left)
		segment, last := nameAt(s.paths[i], depth)
		if name.Kind == String && !name.Equals(segment) || name.Kind != String && segment != strconv.Itoa(index) {
			continue
		}
		s.found[i] = Value{} // what an earlier member of this name had in it no longer counts
		if last {
			ending |= 1 << i
		} else {
			inside |= 1 << i
		}
	}
	s.space()
	v, ok := s.value(inside, depth+1)
	if !ok {
		return false
	}
	for ; ending != 0; ending &= ending - 1 {
		s.found[bits.TrailingZeros64(ending)] = v
	}
	s.space()
	return true
}

// nameAt returns name n of a path, and whether it is the last one.
func nameAt(path string, n int) (name string, last bool) {
	for ; ; n-- {
		name, rest, more := strings.Cut(path, ".")
		if n == 0 || !more {
			return name, !more
		}
		path = rest
	}
}
