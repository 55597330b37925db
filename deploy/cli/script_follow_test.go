package cli

import (
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// maxSteps is how many commands there may be between nothing and a filter that is live, the one that writes the project
// included.
const maxSteps = 6

// follow runs what "weir filter new", the last command, says to run next: the lines of its output that are indented.
func follow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: follow")
	}
	steps := 1
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		command, indented := strings.CutPrefix(strings.TrimRight(line, "\n"), "  ")
		if !indented {
			continue
		}
		steps++
		fields := strings.Fields(command)
		if fields[0] == "cd" {
			ts.Check(ts.Chdir(ts.MkAbs(fields[1])))
			continue
		}
		ts.Check(ts.Exec(fields[0], fields[1:]...))
	}
	if steps == 1 || steps > maxSteps {
		ts.Fatalf("%d commands from nothing to a filter that is live, want at most %d", steps, maxSteps)
	}
}

// eventually runs a command again and again until its output matches: what an edge is told by its hub takes a moment.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually PATTERN COMMAND...")
	}
	pattern := regexp.MustCompile("(?m)" + args[0])
	deadline := time.Now().Add(time.Minute)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for ts.Exec(args[1], args[2:]...) != nil || !pattern.MatchString(ts.ReadFile("stdout")) {
		if time.Now().After(deadline) {
			ts.Fatalf("no output matches %s", args[0])
		}
		<-ticker.C
	}
}

// replace replaces a text in a file, where it has to be.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not contain %s", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
}
