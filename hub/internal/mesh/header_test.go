package mesh

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"
)

func TestHeadersSurviveTheRoundTrip(t *testing.T) {
	for _, h := range []header{
		{kind: kindHello},
		{kind: kindHello, incarnation: "k3x"},
		{kind: kindRaft},
		{kind: kindRaft, group: 63},
		{kind: kindRaft, group: math.MaxUint32},
		{kind: kindCall, method: "region.join-2_x"},
	} {
		r := bytes.NewReader(append(h.append(nil), "rest"...))
		got, err := readHeader(r)
		rest, _ := io.ReadAll(r)
		if err != nil || got != h || string(rest) != "rest" {
			t.Errorf("%+v: got %+v, %v, and %q is left", h, got, err, rest)
		}
	}
}

func TestMalformedHeaders(t *testing.T) {
	for name, input := range map[string]string{
		"unknown kind":    "\x03",
		"text":            "GET / HTTP/1.1\r\n",
		"group too large": "\x01\xc0\x00\x00\x01\x00\x00\x00\x00",
		"bad incarnation": "\x00\x02A/",
		"no method":       "\x02\x00",
		"method too long": "\x02\x41" + string(bytes.Repeat([]byte("a"), 65)),
		"bad method":      "\x02\x02a/",
	} {
		if _, err := readHeader(bytes.NewReader([]byte(input))); !errors.Is(err, errHeader) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, input := range []string{"\x00", "\x00\x02a", "\x01", "\x01\x40", "\x02", "\x02\x02a"} {
		if _, err := readHeader(bytes.NewReader([]byte(input))); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q, cut off: %v", input, err)
		}
	}
	if _, err := readHeader(bytes.NewReader(nil)); err != io.EOF {
		t.Errorf("nothing: %v", err)
	}
}

// FuzzHeader: what is taken for a header is one, and not a byte beyond it is read.
func FuzzHeader(f *testing.F) {
	for _, h := range []header{{kind: kindHello}, {kind: kindHello, incarnation: "k3x"}, {kind: kindRaft, group: 4}, {kind: kindCall, method: "join"}} {
		f.Add(h.append(nil))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		r := bytes.NewReader(input)
		h, err := readHeader(r)
		if err != nil {
			return
		}
		again, err := readHeader(bytes.NewReader(h.append(nil)))
		if err != nil || again != h {
			t.Errorf("%q: %+v, again %+v, %v", input, h, again, err)
		}
		if h.kind == kindCall && len(input)-r.Len() != 2+len(h.method) {
			t.Errorf("%q: %d bytes are left after %+v", input, r.Len(), h)
		}
	})
}
