package meter

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
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

// The specification's own test suite, as wazero's module source carries it, runs on originals and on metered copies side
// by side: every command must go the same way on both, and the way that the suite says.

// specParts is in how many parts seeds run the suite.
const specParts = 10

type specCase struct {
	Commands []specCommand `json:"commands"`
}

type specCommand struct {
	Type     string      `json:"type"`
	Line     int         `json:"line"`
	Name     string      `json:"name"`
	Filename string      `json:"filename"`
	As       string      `json:"as"`
	Action   specAction  `json:"action"`
	Expected []specValue `json:"expected"`
}

type specAction struct {
	Type   string      `json:"type"`
	Field  string      `json:"field"`
	Module string      `json:"module"`
	Args   []specValue `json:"args"`
}

type specValue struct {
	Type  string `json:"type"`
	Value any    `json:"value"`
}

// With WEIR_SEED it runs a tenth of the files, by the seed, in slices of a length that the seed says: ten seeds in a row run
// them all.
func TestSpecification(t *testing.T) {
	dir := specDir(t)
	seed, whole := fromEnv(t, "WEIR_SEED", 2), os.Getenv("WEIR_SEED") == ""
	for _, version := range []string{"v1", "v2"} {
		files, err := filepath.Glob(filepath.Join(dir, version, "testdata", "*.json"))
		if err != nil || len(files) < 50 {
			t.Fatalf("%d files of the specification's suite %s: %v", len(files), version, err)
		}
		asserts := 0
		for i, file := range files {
			if !whole && uint64(i)%specParts != seed%specParts {
				continue
			}
			name := strings.TrimSuffix(filepath.Base(file), ".json")
			if strings.HasPrefix(name, "simd") || raceEnabled && !strings.HasPrefix(name, "c") {
				continue // refused by name (TestRefuses); too many to run while races are looked for
			}
			t.Run(version+"/"+name, func(t *testing.T) { asserts += runSpecCase(t, dir, file, 1+int64(seed%1000)) })
		}
		t.Logf("%s: %d assertions held on originals and on metered copies", version, asserts)
		if whole && !raceEnabled && !t.Failed() && asserts < 10_000 {
			t.Errorf("only %d assertions ran: the suite has more", asserts)
		}
	}
}

// specDir finds the suite in the source of the wazero that go.mod names.
func specDir(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest")
}

// runSpecCase runs the commands of a file, the metered ones with so much fuel at a time.
func runSpecCase(t *testing.T, dir, file string, slice int64) (asserts int) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var c specCase
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	support, err := os.ReadFile(filepath.Join(dir, "testdata", "spectest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	compiler, interpreter := wazero.NewRuntimeConfig(), wazero.NewRuntimeConfigInterpreter()
	original := newSpecRun(t, compiler, support, filepath.Dir(file), func(b []byte) ([]byte, error) { return b, nil })
	metered := newSpecRun(t, compiler, support, filepath.Dir(file), rewrite)
	interpreted := newSpecRun(t, interpreter, support, filepath.Dir(file), rewrite)
	metered.slice, interpreted.slice = slice, 1000 // must make no difference
	left := map[string]bool{}                      // modules that are refused on purpose, by name
	last := ""
	for i := range c.Commands {
		command := &c.Commands[i]
		registered := ""
		if command.Type == "module" {
			last = command.Name
			left[last] = refusedOnPurpose(filepath.Join(filepath.Dir(file), command.Filename))
			if i+1 < len(c.Commands) && c.Commands[i+1].Type == "register" {
				registered = c.Commands[i+1].As
			}
		}
		if about := cmp.Or(command.Action.Module, last); left[about] {
			continue
		}
		want, got := original.do(command, registered), metered.do(command, registered)
		other := interpreted.do(command, registered)
		if want != "" {
			t.Logf("line %d, %s: on the original: %s", command.Line, command.Type, want)
		}
		if got != want {
			t.Errorf("line %d, %s %s: metered: %s; original: %s", command.Line, command.Type, command.Action.Field, orGood(got), orGood(want))
		}
		if other != got || interpreted.used != metered.used {
			t.Errorf("line %d, %s %s: interpreted: %s, %d used; compiled: %s, %d used", command.Line, command.Type,
				command.Action.Field, orGood(other), interpreted.used, orGood(got), metered.used)
		}
		if strings.HasPrefix(command.Type, "assert") {
			asserts++
		}
	}
	return asserts
}

// refusedOnPurpose tells modules of which filters can't use something: more of it than is allowed, table.grow, shared
// memories.
func refusedOnPurpose(path string) bool {
	binary, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	_, err = rewrite(binary)
	var count *wasm.CountError
	return errors.Is(err, ErrTableGrow) || errors.As(err, &count) || errors.Is(err, wasm.ErrShared)
}

func orGood(outcome string) string {
	if outcome == "" {
		return "as specified"
	}
	return outcome
}

// A specRun executes commands in a runtime of its own, with modules as transform makes them.
type specRun struct {
	meter
	ctx       context.Context
	runtime   wazero.Runtime
	dir       string
	transform func([]byte) ([]byte, error)
	modules   map[string]api.Module
	last      api.Module
	used      int64 // fuel of the last call
}

func newSpecRun(t *testing.T, config wazero.RuntimeConfig, support []byte, dir string, transform func([]byte) ([]byte, error)) *specRun {
	ctx := context.Background()
	r := &specRun{
		ctx: ctx, dir: dir, transform: transform, modules: map[string]api.Module{},
		runtime: wazero.NewRuntimeWithConfig(ctx, config.WithCoreFeatures(api.CoreFeaturesV2)),
	}
	r.slice = 3
	t.Cleanup(func() { _ = r.runtime.Close(ctx) })
	if err := r.provide(ctx, r.runtime); err != nil {
		t.Fatal(err)
	}
	if _, err := r.instantiate(support, ""); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *specRun) instantiate(binary []byte, name string) (api.Module, error) {
	binary, err := r.transform(binary)
	if err != nil {
		return nil, err
	}
	config := wazero.NewModuleConfig()
	if name != "" {
		config = config.WithName(name)
	}
	return r.runtime.InstantiateWithConfig(r.ctx, binary, config)
}

// do executes a command and returns how it went: "" as specified.
func (r *specRun) do(c *specCommand, registered string) string {
	switch c.Type {
	case "module":
		binary, err := os.ReadFile(filepath.Join(r.dir, c.Filename))
		if err != nil {
			return err.Error()
		}
		m, err := r.instantiate(binary, registered)
		if err != nil {
			return "module does not start"
		}
		r.last = m
		if c.Name != "" {
			r.modules[c.Name] = m
		}
		return ""
	case "assert_return", "action":
		return r.checkReturn(c)
	case "assert_trap", "assert_exhaustion":
		_, err := r.act(c)
		return r.trap(err)
	case "assert_malformed", "assert_invalid", "assert_unlinkable", "assert_uninstantiable":
		return r.checkRefused(c)
	}
	return "" // register: done with the module
}

func (r *specRun) act(c *specCommand) ([]uint64, error) {
	m := r.last
	if c.Action.Module != "" {
		m = r.modules[c.Action.Module]
	}
	if m == nil {
		return nil, errors.New("no module")
	}
	if c.Action.Type == "get" {
		global := m.ExportedGlobal(c.Action.Field)
		if global == nil {
			return nil, errors.New("no such global")
		}
		return []uint64{global.Get()}, nil
	}
	var args []uint64
	for _, arg := range c.Action.Args {
		args = append(args, arg.bits())
	}
	r.reset(m)
	defer func() { r.used = r.spent(m) }()
	return m.ExportedFunction(c.Action.Field).Call(r.ctx, args...)
}

func (r *specRun) checkReturn(c *specCommand) string {
	results, err := r.act(c)
	if err != nil {
		return "trap: " + firstLine(err)
	}
	if len(results) != len(c.Expected) && c.Type == "assert_return" {
		return "wrong number of results"
	}
	for i, want := range c.Expected {
		if !want.is(results[i]) {
			return "wrong result " + strconv.FormatUint(results[i], 16)
		}
	}
	return ""
}

// trap names a trap. Exhaustion is told apart from other traps: the metered copy stops at its own bound.
func (r *specRun) trap(err error) string {
	if err == nil {
		return "no trap"
	}
	line := firstLine(err)
	if strings.Contains(line, "stack overflow") || strings.Contains(line, errDeep.Error()) {
		return "exhausted"
	}
	return "trap: " + line
}

func (r *specRun) checkRefused(c *specCommand) string {
	binary, err := os.ReadFile(filepath.Join(r.dir, c.Filename))
	if err != nil || !strings.HasSuffix(c.Filename, ".wasm") {
		return "" // text format
	}
	if _, err := r.instantiate(binary, ""); err == nil {
		return "accepted"
	}
	return ""
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimSuffix(line, " (recovered by wazero)")
}

func (v specValue) bits() uint64 {
	s, ok := v.Value.(string)
	switch {
	case !ok || s == "null":
		return 0
	case v.Type == "externref":
		n, _ := strconv.ParseUint(s, 10, 64)
		return n + 1 // wazero takes 0 for null
	case strings.HasPrefix(s, "-"):
		n, _ := strconv.ParseInt(s, 10, 64)
		if strings.HasSuffix(v.Type, "32") {
			return uint64(uint32(n))
		}
		return uint64(n)
	}
	n, _ := strconv.ParseUint(s, 10, 64)
	return n
}

func (v specValue) is(got uint64) bool {
	s, _ := v.Value.(string)
	switch {
	case v.Value == nil && strings.HasSuffix(v.Type, "ref"):
		return true // any reference
	case s == "nan:canonical" && v.Type == "f32":
		return uint32(got)&0x7fffffff == 0x7fc00000
	case s == "nan:canonical":
		return got&(1<<63-1) == 0x7ff8<<48
	case s == "nan:arithmetic" && v.Type == "f32":
		return uint32(got)&0x7fc00000 == 0x7fc00000
	case s == "nan:arithmetic":
		return got&(0x7ff8<<48) == 0x7ff8<<48
	case v.Type == "f32" || v.Type == "i32":
		return uint32(got) == uint32(v.bits())
	}
	return got == v.bits()
}
