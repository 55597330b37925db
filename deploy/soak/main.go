// Command soak runs the seeded random histories that the parts' tests consist of, with many seeds: the tests that call
// rapid.Check, and those that take their seed from WEIR_SEED. It prints each seed that fails with the command that
// repeats it, and a last line "soak: N seeds, M failed".
//
//	go run ./deploy/soak                                all suites, 100 seeds
//	go run ./deploy/soak -suite hub -seeds 1000
//	go run ./deploy/soak -suite hub -seed 42            one seed again
//	go run ./deploy/soak -suite nemesis -seeds 200      only what is done to a region of processes, part of hub's
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
)

// nemesisFolder has what is done to a region of processes. It takes half a minute a seed, so it can be had alone.
const nemesisFolder = "deploy/nemesis"

// suites are the parts that have histories, with the folders that these are in.
var suites = []struct {
	name    string
	folders []string
	// part is whether another suite has its folders, too.
	part bool
}{
	{name: "filters", folders: []string{"filters"}},
	{name: "hub", folders: []string{"hub", nemesisFolder}},
	{name: "edge", folders: []string{"edge"}},
	{name: "nemesis", folders: []string{nemesisFolder}, part: true},
}

func suiteNames() string {
	var names []string
	for _, s := range suites {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

// foldersOf returns the folders of a suite, of all for "".
func foldersOf(suite string) (folders []string, err error) {
	for _, s := range suites {
		if s.name == suite {
			return s.folders, nil
		}
		if !s.part {
			folders = append(folders, s.folders...)
		}
	}
	if suite != "" {
		return nil, fmt.Errorf("no suite %q: there are %s", suite, suiteNames())
	}
	return folders, nil
}

// errFailed is returned when seeds failed; they have been told.
var errFailed = errors.New("seeds failed")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, errFailed) {
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
	if err != nil {
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	suite := flags.String("suite", "", "run one suite: "+suiteNames())
	count := flags.Int("seeds", 100, "how many seeds")
	first := flags.Uint64("seed", 0, "the first seed; with it, one seed unless -seeds says otherwise. 0: by chance")
	if err := flags.Parse(args); err != nil {
		return err
	}
	folders, err := foldersOf(*suite)
	if err != nil {
		return err
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if given["seed"] && !given["seeds"] {
		*count = 1
	}
	if *first == 0 {
		*first = uint64(rand.Uint32()) + 1 // short enough to type
	}
	dir, err := os.MkdirTemp("", "weir-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var binaries []*binary
	for _, folder := range folders {
		found, err := build(ctx, folder, dir)
		if err != nil {
			return err
		}
		binaries = append(binaries, found...)
	}
	if len(binaries) == 0 {
		return fmt.Errorf("there are no histories in %s", strings.Join(folders, ", "))
	}
	return soak(ctx, binaries, *first, *count, out, progressTo(os.Stderr))
}

// soak runs all binaries with each seed. How far it is goes to progress.
func soak(ctx context.Context, binaries []*binary, first uint64, count int, out io.Writer, progress progress) error {
	fmt.Fprintf(out, "seeds from %d on, in %s\n", first, describe(binaries))
	done, failed := 0, 0
	for seed := first; done < count; seed++ {
		progress.show("%d of %d seeds, %d failed", done, count, failed)
		bad := false
		for _, b := range binaries {
			output, err := b.run(ctx, seed)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				bad = true
				progress.clear()
				fmt.Fprintf(out, "--- seed %d fails in %s: %s\n%s    again: make soak SUITE=%s SEED=%d\n", seed, b.folder, err, output, b.suite(), seed)
			}
		}
		done++
		if bad {
			failed++
		}
	}
	progress.clear()
	fmt.Fprintf(out, "soak: %d seeds, %d failed\n", done, failed)
	if failed > 0 {
		return errFailed
	}
	return nil
}

func describe(binaries []*binary) string {
	var names []string
	for _, b := range binaries {
		names = append(names, fmt.Sprintf("%s (%d)", filepath.ToSlash(b.folder), len(b.histories.tests)))
	}
	return strings.Join(names, ", ")
}
