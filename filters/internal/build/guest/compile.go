package guest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const target = "wasm32-unknown-unknown"

// Flags of every compilation. For size: what is spent most of a match's time on is small enough to be inlined whatever the
// level. Bulk operations and conversions that don't trap are in every engine, and shorter than what stands in for them.
var common = []string{
	"--edition", "2021", "--target", target,
	"-C", "opt-level=s", "-C", "panic=abort", "-C", "embed-bitcode=yes", "-C", "target-feature=+bulk-memory,+nontrapping-fptoint",
}

// Flags of a module. The stack lies first, so that overrunning it traps instead of overwriting data. The memory is large
// enough for an event and some thousand groups, so that it seldom grows: an instance whose memory has grown can't be
// put back to its beginnings. Addresses of functions and data take as many bytes as they need, not five each.
var linked = []string{
	"-C", "lto=fat", "-C", "codegen-units=1", "-C", "strip=symbols", "-C", "linker=wasm-ld", "-C", "link-arg=--compress-relocations",
	"-C", "link-arg=-zstack-size=32768", "-C", "link-arg=--stack-first", "-C", "link-arg=--initial-memory=262144",
}

// A Version says exactly which compiler and linker made a module.
type Version struct {
	Rustc  string `json:"rustc"`
	LLVM   string `json:"llvm"`
	Linker string `json:"linker"`
}

// A Compiler is a rustc that has the target.
type Compiler struct {
	Path    string
	Version Version
}

// ErrNoCompiler says that no rustc with the target was found.
var ErrNoCompiler = errors.New("no rustc with the target " + target + " and wasm-ld: on Debian, apt install rustc libstd-rust-dev-wasm32 lld")

// FindCompiler returns the rustc that RUSTC names, or the first of the system's and the user's that has the target.
func FindCompiler() (*Compiler, error) {
	candidates := []string{os.Getenv("RUSTC"), "/usr/bin/rustc", "rustc"}
	for _, path := range candidates {
		if path == "" {
			continue
		}
		if c, err := probe(path); err == nil {
			return c, nil
		}
	}
	return nil, ErrNoCompiler
}

func probe(path string) (*Compiler, error) {
	libraries, err := exec.Command(path, "--print", "target-libdir", "--target", target).Output()
	if err != nil {
		return nil, err
	}
	if found, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(libraries)), "libcore-*.rlib")); err != nil || len(found) == 0 {
		return nil, ErrNoCompiler
	}
	version, err := exec.Command(path, "-vV").Output()
	if err != nil {
		return nil, err
	}
	linker, err := exec.Command("wasm-ld", "--version").Output()
	if err != nil {
		return nil, err
	}
	c := &Compiler{Path: path, Version: Version{Linker: strings.TrimSpace(string(linker))}}
	for i, line := range strings.Split(string(version), "\n") {
		if i == 0 {
			c.Version.Rustc = line
		}
		if llvm, ok := strings.CutPrefix(line, "LLVM version: "); ok {
			c.Version.LLVM = llvm
		}
	}
	return c, nil
}

// Build compiles all examples from the sources in root, the folder filters, and writes their modules below out.
func Build(c *Compiler, root, out string) (*Manifest, error) {
	crate, err := os.MkdirTemp("", "weir-sdk-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(crate)
	crate = filepath.Join(crate, "libweir.rlib")
	if err := c.run(root, append(slices.Clone(common), "--crate-type", "rlib", "--crate-name", "weir", "-o", crate, sdk+"/lib.rs")); err != nil {
		return nil, err
	}
	m := &Manifest{Compiler: c.Version, Flags: slices.Concat(common, linked), Modules: map[string]Module{}}
	if m.SDK, err = sources(root, sdk); err != nil {
		return nil, err
	}
	for _, name := range Names() {
		module, err := c.module(root, out, crate, name)
		if err != nil {
			return nil, err
		}
		m.Modules[name] = module
	}
	return m, nil
}

func (c *Compiler) module(root, out, crate, name string) (Module, error) {
	path, err := filepath.Abs(filepath.Join(out, ModulePath(name)))
	if err != nil {
		return Module{}, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return Module{}, err
	}
	args := slices.Concat(common, linked)
	args = append(args, "--crate-type", "cdylib", "--crate-name", name, "--extern", "weir="+crate, "-o", path, "examples/"+name+"/"+name+".rs")
	if err := c.run(root, args); err != nil {
		return Module{}, err
	}
	// The linker makes it executable, which it is not.
	if err := os.Chmod(path, 0o644); err != nil {
		return Module{}, err
	}
	var m Module
	if m.Sources, err = sources(root, filepath.Join("examples", name)); err != nil {
		return Module{}, err
	}
	if m.Digest, err = digestOf(path); err != nil {
		return Module{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return Module{}, err
	}
	m.Bytes = int(info.Size())
	return m, nil
}

// run runs the compiler in the folder filters and has it call that folder by another name: its hashes, by which it orders
// what it writes, cover the place that it runs in.
func (c *Compiler) run(root string, args []string) error {
	here, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	cmd := exec.Command(c.Path, append(args[:len(args):len(args)], "--remap-path-prefix", here+"=/weir/filters")...)
	cmd.Dir = here
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", c.Path, err, output)
	}
	return nil
}
