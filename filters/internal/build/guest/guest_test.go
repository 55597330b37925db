package guest

import (
	"testing"
)

const root = "../../.."

func TestModulesAreOfTheirSources(t *testing.T) {
	m, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Check(root); err != nil {
		t.Errorf("run go run ./filters/internal/build: %v", err)
	}
}

func TestModulesCanBeBuiltAgain(t *testing.T) {
	m, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	c, err := FindCompiler()
	if err != nil {
		t.Skipf("THE MODULES WERE NOT BUILT AGAIN: %v", err)
	}
	if c.Version != m.Compiler {
		t.Skipf("THE MODULES WERE NOT BUILT AGAIN: they were made by %+v, and this is %+v", m.Compiler, c.Version)
	}
	out := t.TempDir()
	if _, err := Build(c, root, out); err != nil {
		t.Fatal(err)
	}
	different, err := Different(root, out)
	if err != nil {
		t.Fatal(err)
	}
	if len(different) > 0 {
		t.Errorf("built again from the same sources, these differ: %v", different)
	}
}
