package inspect

import (
	"bytes"
	"strings"
	"testing"

	"weir/filters"
	"weir/hub"
	"weir/proto/fault"
)

// filter is a module that holds everything back, whose memory begins with so many pages and may grow to most unless that is 0.
func filter(pages, most byte) []byte {
	const i32, i64 = 0x7f, 0x7e
	name := func(s string) []byte { return append([]byte{byte(len(s))}, s...) }
	section := func(id byte, items ...[]byte) []byte {
		body := append([]byte{byte(len(items))}, bytes.Join(items, nil)...)
		return append([]byte{id, byte(len(body))}, body...)
	}
	exported := func(called string, kind, index byte) []byte { return append(name(called), kind, index) }
	code := func(body ...byte) []byte { return append([]byte{byte(len(body) + 2), 0}, append(body, 0x0b)...) }
	memory := []byte{0, pages}
	if most != 0 {
		memory = []byte{1, pages, most}
	}
	return bytes.Join([][]byte{
		[]byte("\x00asm\x01\x00\x00\x00"),
		section(1, []byte{0x60, 0, 0}, []byte{0x60, 1, i32, 1, i32}, []byte{0x60, 2, i32, i32, 1, i64},
			[]byte{0x60, 5, i32, i32, i32, i32, i32, 1, i64}),
		section(3, []byte{0}, []byte{1}, []byte{2}, []byte{3}),
		section(5, memory),
		section(7, exported("memory", 2, 0), exported("weir_abi_1", 0, 0), exported("weir_buf", 0, 1),
			exported("weir_prepare", 0, 2), exported("weir_match", 0, 3)),
		section(10, code(), code(0x41, 0x80, 0x08), code(0x42, 0), code(0x42, 0)),
	}, nil)
}

func TestUploadsAreHeldToTheirTenantsMemory(t *testing.T) {
	engine, err := filters.New(t.Context(), filters.Config{Limits: filters.Limits{MemoryPages: 16}})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(t.Context())
	for called, c := range map[string]struct {
		u       hub.Upload
		message string // "": it can be uploaded
		hint    string
	}{
		"within the default": {u: hub.Upload{Module: filter(16, 0)}},
		"beyond the default": {
			hub.Upload{Module: filter(20, 0)},
			"its memory begins with 20 pages (1.2 MiB), and it may have 16 pages (1.0 MiB)",
			"operators: weir tenant limits acme --memory-pages 20",
		},
		"within what its tenant may have": {u: hub.Upload{Module: filter(20, 0), TenantPages: 40}},
		"beyond what its tenant may have": {
			hub.Upload{Module: filter(10, 0), TenantPages: 8},
			"its memory begins with 10 pages (640 KiB), and it may have 8 pages (512 KiB)",
			"operators: weir tenant limits acme --memory-pages 10",
		},
		"beyond its own limit": {
			hub.Upload{Module: filter(10, 0), FilterPages: 4},
			"its memory begins with 10 pages (640 KiB), and it may have 4 pages (256 KiB)",
			"weir filter limits f --memory-pages 10",
		},
		"beyond both": {
			hub.Upload{Module: filter(10, 0), TenantPages: 6, FilterPages: 4},
			"its memory begins with 10 pages (640 KiB), and it may have 4 pages (256 KiB)",
			"weir filter limits f --memory-pages 10; operators first: weir tenant limits acme --memory-pages 10",
		},
		"beyond its own and the default": {
			hub.Upload{Module: filter(20, 0), FilterPages: 4},
			"its memory begins with 20 pages (1.2 MiB), and it may have 4 pages (256 KiB)",
			"weir filter limits f --memory-pages 20; operators first: weir tenant limits acme --memory-pages 20",
		},
		"beyond the default, whatever its own": {
			hub.Upload{Module: filter(20, 0), FilterPages: 40},
			"its memory begins with 20 pages (1.2 MiB), and it may have 16 pages (1.0 MiB)",
			"operators: weir tenant limits acme --memory-pages 20",
		},
		"may grow beyond": {
			hub.Upload{Module: filter(2, 30)},
			"its memory may grow to 30 pages (1.9 MiB), and it may have 16 pages (1.0 MiB)",
			"leave the maximum out or lower it; operators: weir tenant limits acme --memory-pages 30",
		},
		"beyond all": {
			hub.Upload{Module: filter(100, 0), TenantPages: 100},
			"its memory begins with 100 pages (6.2 MiB), and no filter can have more than 64 pages (4.0 MiB)",
			"make it smaller",
		},
	} {
		c.u.Tenant, c.u.Filter = "acme", "f"
		_, err := Upload(t.Context(), engine, &c.u)
		f := fault.From(err)
		switch {
		case c.message == "" && err != nil:
			t.Errorf("%s: %v", called, err)
		case c.message != "" && (fault.CodeOf(err) != fault.ModuleInvalid || f.Message != c.message || f.Hint != c.hint):
			t.Errorf("%s: %v", called, err)
		}
	}
}

// A module that one tenant may not have is not refused to another who uploads it at the same time.
func TestTenantsLimitsAreTheirOwn(t *testing.T) {
	engine, err := filters.New(t.Context(), filters.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(t.Context())
	module := filter(100, 0)
	rich, poor := make(chan error, 20), make(chan error, 20)
	for range cap(rich) {
		go func() {
			_, err := Upload(t.Context(), engine, &hub.Upload{Tenant: "rich", Filter: "f", Module: module})
			rich <- err
		}()
		go func() {
			_, err := Upload(t.Context(), engine, &hub.Upload{Tenant: "poor", Filter: "f", Module: module, TenantPages: 50})
			poor <- err
		}()
	}
	for range cap(rich) {
		if err := <-rich; err != nil {
			t.Error(err)
		}
		if err := <-poor; err == nil || !strings.Contains(err.Error(), "may have 50 pages") {
			t.Errorf("beyond its limit: %v", err)
		}
	}
}
