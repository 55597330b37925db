package toolchain

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMissingCompilersAreToldWithAHint(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, language := range []string{Go, AssemblyScript, C} {
		_, err := Build(t.Context(), Source{Dir: t.TempDir(), Language: language, Module: "m.wasm"}, &bytes.Buffer{})
		var missing *MissingError
		if !errors.As(err, &missing) || missing.What == "" || !strings.Contains(missing.Hint, "install") {
			t.Errorf("%s: %v", language, err)
		}
		if Find(language) == nil {
			t.Errorf("%s is found", language)
		}
	}
	if Find("cobol") == nil {
		t.Error("cobol is found")
	}
	if _, err := Build(t.Context(), Source{Dir: t.TempDir(), Language: "cobol", Module: "m.wasm"}, &bytes.Buffer{}); err == nil {
		t.Error("cobol is compiled")
	}
}

func TestCommandsBuildToo(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("there is no shell")
	}
	build := func(script string) ([]byte, string, error) {
		var output bytes.Buffer
		module, err := Build(t.Context(), Source{
			Dir: t.TempDir(), Command: []string{"/bin/sh", "-c", script}, Module: filepath.Join("build", "m.wasm"),
		}, &output)
		return module, output.String(), err
	}
	if module, _, err := build("printf wasm >build/m.wasm"); err != nil || string(module) != "wasm" {
		t.Errorf("%q, %v", module, err)
	}
	var bad *CompileError
	if _, output, err := build("echo line 7; exit 3"); !errors.As(err, &bad) || output != "line 7\n" {
		t.Errorf("%q, %v", output, err)
	}
	if _, _, err := build("true"); err == nil || !strings.Contains(err.Error(), "did not write") {
		t.Errorf("nothing written: %v", err)
	}
}
