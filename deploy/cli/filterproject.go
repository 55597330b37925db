package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"weir/deploy/cli/internal/project"
	"weir/filters"
	"weir/filters/toolchain"
)

// projectFlag names the folder of a filter's source.
type projectFlag struct {
	Dir string `help:"Folder of the project, which \"weir filter new\" has written." default:"." type:"path" placeholder:"DIR"`
}

func (f projectFlag) load() (*project.Project, error) {
	p, err := project.Load(f.Dir)
	if errors.Is(err, project.ErrNotFound) {
		return nil, usagef(`"weir filter new NAME --lang go" writes a project; --dir names its folder`,
			"there is no %s in %s", project.File, shortPath(cmp.Or(f.Dir, ".")))
	}
	if err != nil {
		return nil, usagef("", "%w", err)
	}
	return p, nil
}

// fresh returns the project's module, compiled if a source has changed.
func fresh(ctx context.Context, p *project.Project, con *console) ([]byte, error) {
	module, err := p.Fresh(ctx, con.err)
	return module, explainBuild(err)
}

// explainBuild adds what to install to the error of a build.
func explainBuild(err error) error {
	var missing *toolchain.MissingError
	var bad *toolchain.CompileError
	switch {
	case errors.As(err, &missing):
		return failf(missing.Hint, "%w", missing)
	case errors.As(err, &bad):
		return failf("", "the filter was not built: %w", bad)
	}
	return err
}

// An opened is a filter that runs in this process, and the engine that is its own.
type opened struct {
	*filters.Filter
	engine *filters.Engine
}

// openLocal makes a module ready to run. Machine code is kept in the user's cache, as Go's modules take seconds to compile.
func openLocal(ctx context.Context, module []byte, log *slog.Logger) (*opened, error) {
	cache, err := os.UserCacheDir()
	if err == nil {
		cache = filepath.Join(cache, "weir", "filters")
	}
	engine, err := filters.New(ctx, filters.Config{CacheDir: cache, Logger: log})
	if err != nil {
		return nil, err
	}
	filter, err := engine.Open(ctx, module)
	if err != nil {
		return nil, errors.Join(err, engine.Close(ctx))
	}
	return &opened{Filter: filter, engine: engine}, nil
}

func (o *opened) close() error {
	return errors.Join(o.Close(), o.engine.Close(context.Background()))
}

// kib writes a size as people read it.
func kib[N int | uint32](bytes N) string { return fmt.Sprintf("%.1f KiB", float64(bytes)/1024) }
