// Package toolchain compiles filters with the compilers that are on the machine, and says what to install where there
// are none.
package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Languages that there is a guest SDK for.
const (
	Go             = "go"
	Rust           = "rust"
	AssemblyScript = "assemblyscript"
	C              = "c"
)

// Languages lists them, in the order in which they are told.
func Languages() []string { return []string{Go, Rust, AssemblyScript, C} }

// A Source is what to compile: a project's folder, as "weir filter new" writes it.
type Source struct {
	Dir      string
	Language string
	// Command, if there is one, replaces the compiler's. Run in Dir, it has to write Module.
	Command []string
	// Module is the path of the WebAssembly file, relative to Dir.
	Module string
}

// A MissingError says that a compiler is not on the machine.
type MissingError struct {
	What string // what is missing
	Hint string // how to get it
}

func (e *MissingError) Error() string { return e.What + " is not on this machine" }

// A CompileError says that the compiler did not like the source; it has told the user itself.
type CompileError struct {
	Command string
	Err     error
}

func (e *CompileError) Error() string { return fmt.Sprintf("%s: %v", e.Command, e.Err) }
func (e *CompileError) Unwrap() error { return e.Err }

// Build compiles s and returns the module. What the compilers say goes to output.
func Build(ctx context.Context, s Source, output io.Writer) ([]byte, error) {
	b := &build{Source: s, output: output}
	if err := os.MkdirAll(filepath.Dir(b.path(s.Module)), 0o755); err != nil {
		return nil, err
	}
	var err error
	switch {
	case len(s.Command) > 0:
		err = b.run(ctx, nil, s.Command...)
	case s.Language == Go:
		err = b.golang(ctx)
	case s.Language == Rust:
		err = b.rust(ctx)
	case s.Language == AssemblyScript:
		err = b.assemblyScript(ctx)
	case s.Language == C:
		err = b.c(ctx)
	default:
		err = fmt.Errorf("%q is no language that there is a guest SDK for: %s", s.Language, strings.Join(Languages(), ", "))
	}
	if err != nil {
		return nil, err
	}
	module, err := os.ReadFile(b.path(s.Module))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("the compiler did not write %s", s.Module)
	}
	return module, err
}

// A build is one run of a compiler.
type build struct {
	Source
	output io.Writer
}

func (b *build) path(relative string) string {
	return filepath.Join(b.Dir, filepath.FromSlash(relative))
}

// run runs a command in the project's folder. env is added to the environment.
func (b *build) run(ctx context.Context, env []string, command ...string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.Dir, b.output, b.output
	cmd.Env = append(os.Environ(), env...)
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return &MissingError{What: command[0], Hint: "weir.yaml names it as the command that builds the filter"}
	}
	if err != nil {
		return &CompileError{Command: filepath.Base(command[0]), Err: err}
	}
	return nil
}

// find returns the first of some programs that is on the machine, or an error with a hint.
func find(hint string, programs ...string) (string, error) {
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", &MissingError{What: programs[0], Hint: hint}
}

// Find returns nil if there is a compiler for a language, else a *MissingError. Of AssemblyScript it looks for Node.js: the
// compiler is a package.
func Find(language string) error {
	var err error
	switch language {
	case Go:
		_, err = findGo()
	case Rust:
		_, err = findRust()
	case AssemblyScript:
		_, err = findNode()
	case C:
		_, err = findClang()
	default:
		err = &MissingError{What: "a compiler for " + language}
	}
	return err
}

func findGo() (string, error) {
	return find("install Go 1.24 or later: https://go.dev/dl/, or apt install golang-go", "go")
}

func findClang() (string, error) {
	const hint = "install clang and LLD: on Debian, apt install clang lld"
	compiler, err := find(hint, "clang")
	if err == nil {
		_, err = find(hint, "wasm-ld")
	}
	return compiler, err
}

func (b *build) golang(ctx context.Context) error {
	compiler, err := findGo()
	if err != nil {
		return err
	}
	// The project stands alone, whatever lies around it, and needs nothing from anywhere unless its go.mod says so.
	return b.run(ctx, []string{"GOOS=wasip1", "GOARCH=wasm", "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0"},
		compiler, "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", b.Module, ".")
}

func (b *build) c(ctx context.Context) error {
	compiler, err := findClang()
	if err != nil {
		return err
	}
	var sources []string
	for _, pattern := range []string{"*.c", "weir/*.c"} {
		found, err := filepath.Glob(b.path(pattern))
		if err != nil {
			return err
		}
		for _, path := range found {
			relative, err := filepath.Rel(b.Dir, path)
			if err != nil {
				return err
			}
			sources = append(sources, relative)
		}
	}
	slices.Sort(sources)
	// The stack lies first, so that overrunning it traps instead of overwriting data. The memory holds an event and some
	// thousand groups, so that it seldom grows: an instance whose memory has grown can't be put back to its beginnings.
	flags := []string{
		"--target=wasm32", "-std=c11", "-ffreestanding", "-nostdlib", "-O2", "-mbulk-memory", "-Wall", "-Wextra", "-I.",
		"-Wl,--no-entry", "-Wl,--strip-all", "-Wl,-zstack-size=32768", "-Wl,--stack-first", "-Wl,--initial-memory=458752",
		"-o", b.Module,
	}
	return b.run(ctx, nil, append(append([]string{compiler}, flags...), sources...)...)
}
