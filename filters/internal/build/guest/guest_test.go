package guest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
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
	built, err := Build(c, root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, built); diff != "" {
		t.Errorf("built again from the same sources, they differ (-had +built):\n%s", diff)
	}
}
