// Package project reads and builds the folder in which somebody writes a filter.
package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"weir/filters/cases"
	"weir/filters/toolchain"
)

// File is the name of the file that makes a folder a project.
const File = "weir.yaml"

// ErrNotFound says that a folder is no project.
var ErrNotFound = errors.New("there is no " + File)

// A Project is a folder with a filter's source.
type Project struct {
	// Dir is the folder.
	Dir string `yaml:"-"`
	// Name is what the filter is called.
	Name     string `yaml:"name"`
	Language string `yaml:"language"`
	// Module is the path of the WebAssembly file, relative to Dir.
	Module string `yaml:"module"`
	// Params are for trying the filter out.
	Params cases.Data `yaml:"params"`
	// Command builds the module, if not the language's compiler does.
	Command []string `yaml:"command"`
}

// Load reads the project in a folder.
func Load(dir string) (*Project, error) {
	text, err := os.ReadFile(filepath.Join(dir, File))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	p := &Project{Dir: dir}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(p); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", File, err)
	}
	if p.Module == "" || p.Language == "" && len(p.Command) == 0 {
		return nil, fmt.Errorf("%s: it has to say module, and language or command", File)
	}
	if !filepath.IsLocal(filepath.FromSlash(p.Module)) {
		return nil, fmt.Errorf("%s: module %q is not in the project's folder", File, p.Module)
	}
	return p, nil
}

// Path returns where a file of the project is.
func (p *Project) Path(relative string) string {
	return filepath.Join(p.Dir, filepath.FromSlash(relative))
}

// Build compiles the filter and returns the module. What the compiler says goes to output.
func (p *Project) Build(ctx context.Context, output io.Writer) ([]byte, error) {
	source := toolchain.Source{Dir: p.Dir, Language: p.Language, Command: p.Command, Module: p.Module}
	return toolchain.Build(ctx, source, output)
}

// notSource are folders that no source is in: what npm installs, and what "weir dev" keeps.
var notSource = []string{"node_modules", "weir-data"}

// Changed returns when a source was last changed: any file that is not hidden, nor in a folder of
// notSource or that of the module.
func (p *Project) Changed() (time.Time, error) {
	var latest time.Time
	build := filepath.Dir(p.Path(p.Module))
	err := filepath.WalkDir(p.Dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone since its folder was read
		}
		if err != nil {
			return err
		}
		hidden := path != p.Dir && strings.HasPrefix(d.Name(), ".")
		if d.IsDir() {
			if hidden || slices.Contains(notSource, d.Name()) || path == build && path != p.Dir {
				return fs.SkipDir
			}
			return nil
		}
		if hidden || filepath.Ext(path) == ".wasm" || !d.Type().IsRegular() || isTable(d.Name()) {
			return nil
		}
		info, err := d.Info()
		if err == nil && info.ModTime().After(latest) {
			latest = info.ModTime()
		}
		return nil
	})
	return latest, err
}

// isTable tells what is tested with from what is built.
func isTable(name string) bool {
	return name == "README.md" || name == "cases.yaml" || name == "events.jsonl"
}

// Fresh returns the module, built anew if a source has changed since it was.
func (p *Project) Fresh(ctx context.Context, output io.Writer) ([]byte, error) {
	changed, err := p.Changed()
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(p.Path(p.Module))
	if err != nil || !info.ModTime().After(changed) {
		return p.Build(ctx, output)
	}
	return os.ReadFile(p.Path(p.Module))
}
