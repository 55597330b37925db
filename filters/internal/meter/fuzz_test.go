package meter

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"weir/filters/internal/wasm"
)

// FuzzRewrite: no bytes make the rewriter panic or hang, and what it makes of a module that wazero compiles, wazero
// compiles too.
func FuzzRewrite(f *testing.F) {
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2))
	f.Cleanup(func() { _ = runtime.Close(ctx) })
	for _, module := range seeds(f) {
		f.Add(module)
	}
	f.Fuzz(func(t *testing.T, module []byte) {
		m, err := wasm.Decode(module)
		if err != nil {
			return
		}
		if !readable(m) {
			return // wazero takes memory for all the names that the original claims to have
		}
		result, refused := Rewrite(m, testConfig)
		compiled, err := runtime.CompileModule(ctx, module)
		if err != nil {
			return // not valid to begin with
		}
		_ = compiled.Close(ctx)
		if refused != nil {
			if !errors.Is(refused, ErrTableGrow) && !errors.Is(refused, wasm.ErrUnsupported) && !strings.Contains(refused.Error(), "the host's own") {
				t.Fatalf("a valid module is refused: %v", refused)
			}
			return
		}
		if compiled, err = runtime.CompileModule(ctx, result.Module); err != nil {
			t.Fatalf("valid before, not after: %v", err)
		}
		_ = compiled.Close(ctx)
	})
}

// readable reports whether all of a module's name sections can be read.
func readable(m *wasm.Module) bool {
	rw := &rewriter{m: m, hook: uint32(m.ImportedFunctions)}
	for _, c := range m.Customs {
		if _, ok := rw.names(wasm.NewReader(m.Data, c.Start, c.End)); c.Name == "name" && !ok {
			return false
		}
	}
	return true
}

// seeds are some of the specification's modules, one of each file.
func seeds(f *testing.F) [][]byte {
	files, err := filepath.Glob(filepath.Join(specDir(f), "v2", "testdata", "*.1.wasm"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	var modules [][]byte
	for _, file := range files {
		module, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(module) < 4<<10 {
			modules = append(modules, module)
		}
	}
	return modules
}
