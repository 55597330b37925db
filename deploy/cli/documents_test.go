package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocumentedCommandsExist reads the commands in the documents' code blocks as the command line would.
func TestDocumentedCommandsExist(t *testing.T) {
	root := filepath.Join("..", "..")
	files := []string{filepath.Join(root, "README.md")}
	for _, pattern := range []string{"filters/*.md", "filters/examples/*/README.md", "filters/sdk/template/README.md", "edge/browser/*.md", "deploy/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	commands := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range documentedCommands(string(text)) {
			commands++
			if err := parses(command[1:]); err != nil {
				t.Errorf("%s: %s: %v", file, strings.Join(command, " "), err)
			}
		}
	}
	if commands < 20 {
		t.Errorf("only %d commands found", commands)
	}
}

// parses returns what the command line has against arguments, without running anything.
func parses(args []string) error {
	var g grammar
	parser, err := newParser(&g, newConsole(os.Stdin, os.Stdout, os.Stderr))
	if err != nil {
		return err
	}
	var out bytes.Buffer
	parser.Stdout, parser.Stderr = &out, &out
	if _, err = parse(parser, args); errors.As(err, new(helpShown)) {
		return nil
	}
	return err
}

func TestUnknownCommandsAreNoticed(t *testing.T) {
	text := "`weir no code block`\n```\nweir filter nosuch a\ncd x && ../weir filter list --nosuch # weir\nother weir\n$ weir token --subject \"$(weir version)\" --pin 'a b={}' | weir pub chat - &\n```\nweir text"
	commands := documentedCommands(text)
	if len(commands) != 4 {
		t.Fatalf("found %q", commands)
	}
	for i, bad := range []bool{true, true, false, false} {
		if err := parses(commands[i][1:]); (err != nil) != bad {
			t.Errorf("%q: %v", commands[i], err)
		}
	}
}

// documentedCommands returns the words of each call of weir in the code blocks of Markdown.
func documentedCommands(markdown string) (commands [][]string) {
	inside := false
	for line := range strings.Lines(markdown) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			inside = !inside
			continue
		}
		if !inside {
			continue
		}
		for _, words := range shellWords(strings.TrimPrefix(strings.TrimSpace(line), "$ ")) {
			if len(words) > 1 && filepath.Base(words[0]) == "weir" && words[0] == strings.TrimLeft(words[0], "/") {
				commands = append(commands, words)
			}
		}
	}
	return commands
}

// shellWords splits a line into commands, and these into words, as far as documents go: quotes, comments, "&&", "|", "&" and
// ">", after which comes the name of a file.
func shellWords(line string) (commands [][]string) {
	var words []string
	var word strings.Builder
	started, quote, redirected := false, rune(0), false
	endWord := func() {
		if started {
			words = append(words, word.String())
		}
		started = false
		word.Reset()
	}
	endCommand := func() {
		endWord()
		if len(words) > 0 {
			commands = append(commands, words)
		}
		words = nil
	}
	for _, r := range line {
		switch {
		case redirected && r != '&' && r != '|':
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			started, quote = true, r
		case r == '#' && !started:
			endCommand()
			return commands
		case r == '>':
			endCommand()
			redirected = true
		case r == '&' || r == '|':
			endCommand()
			redirected = false
		case r == ' ':
			endWord()
		default:
			started = true
			word.WriteRune(r)
		}
	}
	endCommand()
	return commands
}
