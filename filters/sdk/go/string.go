package weir

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Equals reports whether a string says text, its escapes resolved.
func (v Value) Equals(text string) bool {
	if v.Kind != String {
		return false
	}
	if bytes.IndexByte(v.Text, '\\') < 0 {
		return string(v.Text) == text
	}
	return string(v.Unescape()) == text
}

// Unescape returns what a string says. Half a surrogate pair becomes U+FFFD.
func (v Value) Unescape() []byte {
	if bytes.IndexByte(v.Text, '\\') < 0 {
		return v.Text
	}
	text := make([]byte, 0, len(v.Text))
	for in := v.Text; len(in) > 0; {
		if in[0] != '\\' {
			text, in = append(text, in[0]), in[1:]
			continue
		}
		switch c := in[1]; c {
		case 'u':
			var r rune
			r, in = codePoint(in)
			text = utf8.AppendRune(text, r)
			continue
		case 'b':
			text = append(text, '\b')
		case 'f':
			text = append(text, '\f')
		case 'n':
			text = append(text, '\n')
		case 'r':
			text = append(text, '\r')
		case 't':
			text = append(text, '\t')
		default:
			text = append(text, c)
		}
		in = in[2:]
	}
	return text
}

// codePoint decodes one or two escapes "\u0000".
func codePoint(in []byte) (r rune, rest []byte) {
	r, rest = unit(in), in[6:]
	if utf16.IsSurrogate(r) {
		if len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
			if pair := utf16.DecodeRune(r, unit(rest)); pair != utf8.RuneError {
				return pair, rest[6:]
			}
		}
		return utf8.RuneError, rest
	}
	return r, rest
}

func unit(in []byte) rune {
	v, _ := strconv.ParseUint(string(in[2:6]), 16, 32) // the scanner has checked it
	return rune(v)
}
