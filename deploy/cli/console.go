package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"
)

// A console is where a command reads and writes.
type console struct {
	in       io.Reader
	out, err io.Writer
	// Whether a person looks at them: then output may be for people, and coloured.
	outTerminal, errTerminal bool
	noColour                 bool // https://no-color.org
	// json is whether the command was told to print JSON.
	json bool
}

func newConsole(in, out, err *os.File) *console {
	return &console{
		in: in, out: out, err: err,
		outTerminal: term.IsTerminal(int(out.Fd())),
		errTerminal: term.IsTerminal(int(err.Fd())),
		noColour:    os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb",
	}
}

// A style is an ANSI escape sequence (ECMA-48, section 8.3.117: select graphic rendition).
type style string

const (
	bold   style = "\x1b[1m"
	dim    style = "\x1b[2m"
	red    style = "\x1b[31m"
	green  style = "\x1b[32m"
	yellow style = "\x1b[33m"
	cyan   style = "\x1b[36m"

	plain = "\x1b[0m"
)

// outStyle returns text in a style where standard output is a terminal, else as it is.
func (c *console) outStyle(s style, text string) string {
	return c.styled(s, text, c.outTerminal)
}

// errStyle is outStyle for standard error.
func (c *console) errStyle(s style, text string) string {
	return c.styled(s, text, c.errTerminal)
}

func (c *console) styled(s style, text string, terminal bool) string {
	if !terminal || c.noColour {
		return text
	}
	return string(s) + text + plain
}

// printJSON writes v and a line feed.
func (c *console) printJSON(v any) error {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false) // people read it too, and "<" in params should look like it
	if err := encoder.Encode(v); err != nil {
		return err
	}
	_, err := c.out.Write(line.Bytes())
	return err
}

// printTable writes rows under a header, in columns; without rows, what none says.
func (c *console) printTable(none string, header []string, rows [][]string) error {
	if len(rows) == 0 {
		_, err := fmt.Fprintln(c.out, none)
		return err
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// printable returns text without control characters, so that what others sent can't steer a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || (r >= 0x7f && r < 0xa0) {
			return '\uFFFD'
		}
		return r
	}, text)
}
