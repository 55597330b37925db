package filters

import (
	"fmt"

	"weir/filters/internal/wasm"
	"weir/proto/fault"
)

// A MemoryError says that a module needs more memory than it may have. Numbers are of pages of 64 KiB.
type MemoryError struct {
	// Needs is what its memory begins with or, if Declared, may grow to by its own declaration.
	Needs    uint32
	Declared bool
	// May is what it may have, Tenants what all filters of its tenant may have, and Most what it could be allowed.
	May, Tenants, Most uint32
}

func (e *MemoryError) Error() string {
	what := "begins with"
	if e.Declared {
		what = "may grow to"
	}
	if e.Needs > e.Most {
		return fmt.Sprintf("its memory %s %s, and no filter can have more than %s", what, pagesText(e.Needs), pagesText(e.Most))
	}
	return fmt.Sprintf("its memory %s %s, and it may have %s", what, pagesText(e.Needs), pagesText(e.May))
}

// fault tells who uploads a module about it.
func (e *MemoryError) fault() *fault.Fault {
	f := fault.New(fault.ModuleInvalid, "%v", e).WithCause(e)
	switch {
	case e.Needs > e.Most && e.Declared:
		return f.WithHint("leave the maximum out or lower it")
	case e.Needs > e.Most:
		return f.WithHint("make it smaller")
	case e.Declared:
		return f.WithHint("leave the maximum out or lower it; operators: weir tenant limits TENANT --memory-pages %d", e.Needs)
	}
	return f.WithHint("operators: weir tenant limits TENANT --memory-pages %d", e.Needs)
}

// pagesText writes "300 pages (18.8 MiB)".
func pagesText(pages uint32) string {
	const kib, mib = 1 << 10, 1 << 20
	unit := "pages"
	if pages == 1 {
		unit = "page"
	}
	if bytes := float64(pages) * pageBytes; bytes >= mib {
		return fmt.Sprintf("%d %s (%.1f MiB)", pages, unit, bytes/mib)
	}
	return fmt.Sprintf("%d %s (%d KiB)", pages, unit, pages*pageBytes/kib)
}

// checkMemory refuses a module that no limit would let be a filter.
func checkMemory(m *wasm.Module, limits Limits) error {
	if len(m.Memories) == 0 {
		return invalid("it has no memory of its own").WithHint(`export a memory under the name "memory"`)
	}
	memory := m.Memories[0]
	if memory.HasMax && memory.Max < memory.Min {
		return invalid("its memory's maximum of %d pages is less than its minimum of %d", memory.Max, memory.Min)
	}
	e := &MemoryError{Needs: memory.Min, May: limits.MemoryPages, Tenants: limits.MemoryPages, Most: limits.MemoryPages}
	if e.Needs <= e.May && memory.HasMax {
		e.Needs, e.Declared = memory.Max, true
	}
	if e.Needs > e.May {
		return e.fault()
	}
	return nil
}

// begins returns a *MemoryError if a module begins with more memory than it may have within bounds.
func (e *Engine) begins(m Manifest, b *Bounds) error {
	if may := e.within(b).MemoryPages; m.MemoryPages > may {
		return &MemoryError{Needs: m.MemoryPages, May: may, Tenants: e.withinTenants(b).MemoryPages, Most: e.most.MemoryPages}
	}
	return nil
}

// grows refuses a module by whose own declaration its memory may grow beyond what it may have: whoever uploads it should
// know that it won't.
func (e *Engine) grows(m Manifest, b *Bounds) error {
	if may := e.within(b).MemoryPages; m.MaxPages > may {
		return (&MemoryError{
			Needs: m.MaxPages, Declared: true, May: may, Tenants: e.withinTenants(b).MemoryPages, Most: e.most.MemoryPages,
		}).fault()
	}
	return nil
}
