package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"weir/filters/toolchain"
)

// keepCaches has the Go compiler use what it has cached, although it is told of another home.
func keepCaches(env *testscript.Env) error {
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
		folder, err := exec.Command("go", "env", name).Output()
		if err != nil {
			return fmt.Errorf("go env %s: %w", name, err)
		}
		env.Setenv(name, strings.TrimSpace(string(folder)))
	}
	return nil
}

// assemblyScriptCompiler is where npm ci puts it.
var assemblyScriptCompiler = filepath.Join("..", "..", "filters", "sdk", "assemblyscript", "node_modules")

// hasCompiler is the condition compiler:LANGUAGE.
func hasCompiler(condition string) (bool, error) {
	language, ok := strings.CutPrefix(condition, "compiler:")
	if !ok {
		return false, fmt.Errorf("unknown condition %s", condition)
	}
	if toolchain.Find(language) != nil {
		return false, nil
	}
	if language == toolchain.AssemblyScript {
		_, err := os.Stat(assemblyScriptCompiler)
		return err == nil, nil
	}
	return true, nil
}

// installed links node_modules to those of the SDK, so that nothing is fetched.
func installed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: installed FOLDER")
	}
	target, err := filepath.Abs(assemblyScriptCompiler)
	ts.Check(err)
	ts.Check(os.Symlink(target, ts.MkAbs(args[0])))
}
