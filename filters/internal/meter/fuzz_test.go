package meter

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// FuzzRewrite: no bytes make the rewriter panic or hang, its errors are of the two kinds, and what it makes of a module
// that wazero compiles, wazero compiles too. What it accepts, wazero reads without taking more memory than there are
// bytes for.
func FuzzRewrite(f *testing.F) {
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2))
	f.Cleanup(func() { _ = runtime.Close(ctx) })
	for _, module := range seeds(f) {
		f.Add(module)
	}
	f.Fuzz(func(t *testing.T, module []byte) {
		metered, err := Rewrite(module, 0)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrRefused) {
				t.Fatalf("an error of neither kind: %v", err)
			}
			return
		}
		compiled, err := runtime.CompileModule(ctx, module)
		if err != nil {
			return // not valid to begin with
		}
		_ = compiled.Close(ctx)
		if compiled, err = runtime.CompileModule(ctx, metered); err != nil {
			t.Fatalf("valid before, not after: %v", err)
		}
		_ = compiled.Close(ctx)
	})
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
