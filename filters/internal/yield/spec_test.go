package yield

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"weir/filters/internal/wasm"
)

// The specification's test suite, as wazero's module source carries it, runs on modules as they are and rewritten, with
// slices so short that every few instructions are interrupted. Both must go the same way.

type command struct {
	Type     string `json:"type"`
	Line     int    `json:"line"`
	Name     string `json:"name"`
	Filename string `json:"filename"`
	As       string `json:"as"`
	Action   struct {
		Type   string `json:"type"`
		Field  string `json:"field"`
		Module string `json:"module"`
		Args   []struct {
			Type  string `json:"type"`
			Value any    `json:"value"`
		} `json:"args"`
	} `json:"action"`
}

func TestRewrittenModulesFollowTheSpecification(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest")
	files, err := filepath.Glob(filepath.Join(dir, "v2", "testdata", "*.json"))
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files of the suite: %v", len(files), err)
	}
	compared, refused := 0, 0
	for _, file := range files {
		c, r := compareCase(t, dir, file)
		compared, refused = compared+c, refused+r
	}
	t.Logf("%d calls went the same way; %d modules were refused", compared, refused)
	if compared < 15_000 && !t.Failed() {
		t.Errorf("only %d calls were compared: the suite has more", compared)
	}
}

// compareCase runs one file of the suite, and returns how many calls it compared and how many modules it left out.
func compareCase(t *testing.T, dir, file string) (compared, refused int) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var suite struct{ Commands []command }
	if err := json.Unmarshal(data, &suite); err != nil {
		t.Fatal(err)
	}
	original, rewritten := newRun(t, dir, false), newRun(t, dir, true)
	left := map[string]bool{} // names of modules that were left out
	last := ""
	for i, c := range suite.Commands {
		switch c.Type {
		case "module":
			last = c.Name
			registered := ""
			if i+1 < len(suite.Commands) && suite.Commands[i+1].Type == "register" {
				registered = suite.Commands[i+1].As
			}
			path := filepath.Join(filepath.Dir(file), c.Filename)
			want, got := original.load(c.Name, registered, path), rewritten.load(c.Name, registered, path)
			left[last] = want != nil || got != nil
			if left[last] {
				refused++
			}
			if want == nil && got != nil && !expectedRefusal(got) {
				t.Errorf("%s line %d: %v", filepath.Base(file), c.Line, got)
			}
		case "assert_return", "assert_trap", "action", "assert_exhaustion":
			name := c.Action.Module
			if name == "" {
				name = last
			}
			if c.Action.Type != "invoke" || left[name] || c.Type == "assert_exhaustion" {
				continue
			}
			want, comparable := original.call(&c)
			got, _ := rewritten.call(&c)
			if comparable && want != got {
				t.Errorf("%s line %d: %s, rewritten %s", filepath.Base(file), c.Line, want, got)
			}
			compared++
		}
	}
	return compared, refused
}

// expectedRefusal tells what Decode and Rewrite refuse on purpose, and what can't be linked for that reason.
func expectedRefusal(err error) bool {
	var count *wasm.CountError
	return errors.Is(err, ErrTableGrow) || errors.As(err, &count) || errors.Is(err, wasm.ErrShared) || strings.Contains(err.Error(), "not instantiated")
}

// A run is a runtime with the modules of one file.
type run struct {
	runtime wazero.Runtime
	rewrite bool
	modules map[string]api.Module
	last    api.Module
}

func newRun(t *testing.T, dir string, rewrite bool) *run {
	t.Helper()
	r := &run{runtime: wazero.NewRuntime(t.Context()), rewrite: rewrite, modules: map[string]api.Module{}}
	t.Cleanup(func() {
		if err := r.runtime.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := provideTick(t.Context(), r.runtime); err != nil {
		t.Fatal(err)
	}
	support, err := os.ReadFile(filepath.Join(dir, "testdata", "spectest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	config := wazero.NewModuleConfig().WithName("spectest")
	if _, err := r.runtime.InstantiateWithConfig(t.Context(), support, config); err != nil {
		t.Fatal(err)
	}
	return r
}

// errDeep is what the hook panics with for calls that are nested too deeply.
var errDeep = errors.New("nested too deeply")

// provideTick makes the host's side: slices of 3 ticks.
func provideTick(ctx context.Context, runtime wazero.Runtime) error {
	i32 := []api.ValueType{api.ValueTypeI32}
	_, err := runtime.NewHostModuleBuilder(HostModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) {
			if stack[0] == WhyDepth {
				panic(errDeep)
			}
			stack[0] = 3
		}), i32, i32).Export(TickName).Instantiate(ctx)
	return err
}

func (r *run) load(name, registered, path string) error {
	binary, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if r.rewrite {
		m, err := wasm.Decode(binary)
		if err != nil {
			return err
		}
		result, err := Rewrite(m, Config{Slice: 3, Depth: 10_000})
		if err != nil {
			return err
		}
		binary = result.Module
	}
	m, err := r.runtime.InstantiateWithConfig(context.Background(), binary, wazero.NewModuleConfig().WithName(registered).WithStartFunctions())
	if err != nil {
		return err
	}
	r.last, r.modules[name] = m, m
	return nil
}

// call returns what a call does, as text. False: it can't be compared, as it has vectors or references.
func (r *run) call(c *command) (outcome string, comparable bool) {
	m := r.last
	if c.Action.Module != "" {
		m = r.modules[c.Action.Module]
	}
	f := m.ExportedFunction(c.Action.Field)
	var args []uint64
	for _, a := range c.Action.Args {
		text, ok := a.Value.(string)
		v, err := strconv.ParseUint(text, 10, 64)
		if !ok || err != nil || a.Type == "externref" || a.Type == "funcref" {
			return "", false
		}
		args = append(args, v)
	}
	for _, t := range f.Definition().ResultTypes() {
		if t != api.ValueTypeI32 && t != api.ValueTypeI64 && t != api.ValueTypeF32 && t != api.ValueTypeF64 {
			return "", false
		}
	}
	results, err := f.Call(context.Background(), args...)
	if err != nil {
		outcome, _, _ = strings.Cut(err.Error(), "\n")
		return outcome, true
	}
	return fmt.Sprint(results), true
}
