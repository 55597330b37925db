package guestlog

import (
	"bytes"
	"encoding/hex"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/filters"
	"weir/proto/weirpb"
)

func TestLinesAreTaken(t *testing.T) {
	var out bytes.Buffer
	var lines []Line
	next := slog.NewTextHandler(&out, nil) // from info on
	log := slog.New(Handler(next, func(l Line) { lines = append(lines, l) })).With("part", "filters").WithGroup("g")
	log.Debug(says, "filter", "abc", "text", "hello", "left_out", 3)
	log.Debug("something else")
	log.Info("compiled")
	if len(lines) != 1 || lines[0].Module != "abc" || lines[0].Text != "hello" || lines[0].LeftOut != 3 || time.Since(lines[0].Time) > time.Minute {
		t.Errorf("taken was %+v", lines)
	}
	if got := out.String(); strings.Contains(got, "hello") || strings.Contains(got, "else") || !strings.Contains(got, "compiled") {
		t.Errorf("passed on was %q", got)
	}
}

// talker is a module that says "hi" whenever it is asked to match.
func talker() []byte {
	const i32, i64 = 0x7f, 0x7e
	name := func(s string) []byte { return append([]byte{byte(len(s))}, s...) }
	section := func(id byte, items ...[]byte) []byte {
		body := append([]byte{byte(len(items))}, bytes.Join(items, nil)...)
		return append([]byte{id, byte(len(body))}, body...)
	}
	exported := func(called string, kind, index byte) []byte { return append(name(called), kind, index) }
	code := func(body ...byte) []byte { return append([]byte{byte(len(body) + 2), 0}, append(body, 0x0b)...) }
	return bytes.Join([][]byte{
		[]byte("\x00asm\x01\x00\x00\x00"),
		section(1, []byte{0x60, 2, i32, i32, 0}, []byte{0x60, 0, 0}, []byte{0x60, 1, i32, 1, i32}, []byte{0x60, 2, i32, i32, 1, i64},
			[]byte{0x60, 5, i32, i32, i32, i32, i32, 1, i64}),
		section(2, append(append(name("weir"), name("log")...), 0, 0)),
		section(3, []byte{1}, []byte{2}, []byte{3}, []byte{4}),
		section(5, []byte{0, 2}),
		section(7, exported("memory", 2, 0), exported("weir_abi_1", 0, 1), exported("weir_buf", 0, 2),
			exported("weir_prepare", 0, 3), exported("weir_match", 0, 4)),
		section(10, code(), code(0x41, 0x80, 0x08), code(0x42, 0), code(0x41, 16, 0x41, 2, 0x10, 0, 0x42, 0)),
		section(11, append([]byte{0, 0x41, 16, 0x0b}, name("hi")...)),
	}, nil)
}

func TestEngineSaysWhatFiltersSay(t *testing.T) {
	var mu sync.Mutex
	var lines []Line
	log := slog.New(Handler(slog.DiscardHandler, func(l Line) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, l)
	}))
	engine, err := filters.New(t.Context(), filters.Config{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(t.Context())
	filter, err := engine.Open(t.Context(), talker())
	if err != nil {
		t.Fatal(err)
	}
	defer filter.Close()
	var set filters.Set
	set.Add(nil)
	event := filters.AppendEvent(nil, "c", &weirpb.Event{Offset: 1})
	if err := filter.Match(t.Context(), event, &set, filters.NewBitmap(1)); err != nil {
		t.Fatal(err)
	}
	digest := filter.Manifest().Digest
	if len(lines) != 1 || lines[0].Text != "hi" || !strings.HasPrefix(hex.EncodeToString(digest[:]), lines[0].Module) || lines[0].Module == "" {
		t.Errorf("%x said %+v", digest, lines)
	}
}
