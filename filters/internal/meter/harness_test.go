package meter

import (
	"context"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"weir/filters/internal/wasm"
)

// Config of tests: no depth that tests reach by accident, and more pages than any test's module has.
var testConfig = Config{Depth: 1024, Pages: 1 << 16}

var (
	errDeep  = errors.New("nested too deeply")
	errSpent = errors.New("out of fuel")
)

// A meter is the host's side: it grants slices to the instances of a runtime and knows what each has used.
type meter struct {
	slice   int64
	budget  int64 // for each instance; 0: without end
	granted map[api.Module]int64
	pauses  int
	ticked  func(api.Module) // at each tick; nil: nothing
}

// provide lets the modules of a runtime call tick.
func (m *meter) provide(ctx context.Context, runtime wazero.Runtime) error {
	m.granted = map[api.Module]int64{}
	_, err := runtime.NewHostModuleBuilder(HostModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(m.tick), []api.ValueType{api.ValueTypeI32, api.ValueTypeI64}, []api.ValueType{api.ValueTypeI64}).
		Export(TickName).Instantiate(ctx)
	return err
}

func (m *meter) tick(_ context.Context, module api.Module, stack []uint64) {
	if stack[0] == WhyDepth {
		panic(errDeep)
	}
	if m.ticked != nil {
		m.ticked(module)
	}
	left := int64(stack[1])
	if stack[0] == WhyPause {
		m.pauses++
		return
	}
	grant := m.slice
	if m.budget > 0 {
		if rest := m.budget - (m.granted[module] - left); rest < 0 {
			panic(errSpent)
		} else {
			grant = min(grant, rest)
		}
	}
	m.granted[module] += grant - left
	stack[0] = uint64(grant)
}

// spent returns what an instance has used in its life, 0 if it is not metered.
func (m *meter) spent(module api.Module) int64 {
	fuel := module.ExportedGlobal(FuelExport)
	if fuel == nil {
		return 0
	}
	return m.granted[module] - int64(fuel.Get())
}

// reset begins a new call: nothing is spent, and nothing nested.
func (m *meter) reset(module api.Module) {
	if fuel, ok := module.ExportedGlobal(FuelExport).(api.MutableGlobal); ok {
		fuel.Set(0)
		module.ExportedGlobal(DepthExport).(api.MutableGlobal).Set(0)
		m.granted[module] = 0
	}
}

// rewrite decodes and rewrites a module.
func rewrite(module []byte) ([]byte, error) { return rewriteWith(module, testConfig) }

func rewriteWith(module []byte, cfg Config) ([]byte, error) {
	m, err := wasm.Decode(module)
	if err != nil {
		return nil, err
	}
	result, err := Rewrite(m, cfg)
	return result.Module, err
}

func rewritten(t *testing.T, module []byte) []byte {
	t.Helper()
	metered, err := rewrite(module)
	if err != nil {
		t.Fatal(err)
	}
	return metered
}

// A subject is an instance of a module, metered or not.
type subject struct {
	meter
	ctx     context.Context
	runtime wazero.Runtime
	module  api.Module
}

func newSubject(t *testing.T, config wazero.RuntimeConfig, module []byte) *subject {
	t.Helper()
	s := &subject{ctx: context.Background(), meter: meter{slice: 1000}}
	s.runtime = wazero.NewRuntimeWithConfig(s.ctx, config.WithCoreFeatures(api.CoreFeaturesV2))
	if err := s.provide(s.ctx, s.runtime); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.module, err = s.runtime.Instantiate(s.ctx, module); err != nil {
		t.Fatalf("the module is not valid: %v", err)
	}
	return s
}

func (s *subject) close() { _ = s.runtime.Close(s.ctx) }
