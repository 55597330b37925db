package toolchain

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const rustTarget = "wasm32-unknown-unknown"

// rustFlags are those of the ready-made modules (filters/internal/build). For size: what is spent most of a match's time on is small
// enough to be inlined whatever the level, and a module is fetched, compiled and kept by every edge. Bulk operations and
// conversions that don't trap are shorter than what stands in for them.
var rustFlags = []string{
	"--edition", "2021", "--target", rustTarget,
	"-C", "opt-level=s", "-C", "panic=abort", "-C", "embed-bitcode=yes", "-C", "target-feature=+bulk-memory,+nontrapping-fptoint",
}

// rust runs rustc for the SDK and then for the filter: Cargo is not needed, and a project that wants crates gives a
// command of its own.
func (b *build) rust(ctx context.Context) error {
	compiler, err := findRust()
	if err != nil {
		return err
	}
	library, err := os.MkdirTemp("", "weir-sdk-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(library)
	library = filepath.Join(library, "libweir.rlib")
	common := append([]string{compiler}, rustFlags...)
	sdk := append(common[:len(common):len(common)], "--crate-type", "rlib", "--crate-name", "weir", "-o", library, "weir/src/lib.rs")
	if err := b.run(ctx, nil, sdk...); err != nil {
		return err
	}
	module := append(common[:len(common):len(common)], "-C", "lto=fat", "-C", "codegen-units=1", "-C", "strip=symbols",
		"-C", "linker="+linker(), "-C", "link-arg=--compress-relocations", "-C", "link-arg=-zstack-size=32768", "-C", "link-arg=--stack-first", "-C", "link-arg=--initial-memory=262144",
		"--crate-type", "cdylib", "--crate-name", "filter", "--extern", "weir="+library, "-o", b.Module, "filter.rs")
	return b.run(ctx, nil, module...)
}

// findRust returns the rustc that RUSTC names, or the first on the machine that has the target: a machine may have one of
// the system's and one of rustup's.
func findRust() (string, error) {
	for _, candidate := range []string{os.Getenv("RUSTC"), "rustc", "/usr/bin/rustc"} {
		if candidate == "" {
			continue
		}
		libraries, err := exec.Command(candidate, "--print", "target-libdir", "--target", rustTarget).Output()
		if err != nil {
			continue
		}
		if found, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(libraries)), "libcore-*.rlib")); err == nil && len(found) > 0 {
			return candidate, nil
		}
	}
	return "", &MissingError{
		What: "a rustc that has the target " + rustTarget,
		Hint: "rustup target add " + rustTarget + "; or on Debian, apt install rustc libstd-rust-dev-wasm32 lld",
	}
}

// linker returns what links modules: LLD, as rustup brings it along or as the system has it.
func linker() string {
	if path, err := exec.LookPath("wasm-ld"); err == nil {
		return path
	}
	return "rust-lld"
}
