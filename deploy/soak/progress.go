package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// progress is a line at the end of a terminal that is written anew. The zero value shows nothing.
type progress struct{ terminal io.Writer }

// progressTo shows progress in a file if that is a terminal.
func progressTo(f *os.File) progress {
	if !term.IsTerminal(int(f.Fd())) {
		return progress{}
	}
	return progress{f}
}

// clearLine goes back to the beginning of the line and erases it (ECMA-48, EL).
const clearLine = "\r\x1b[K"

func (p progress) show(format string, args ...any) {
	if p.terminal != nil {
		fmt.Fprintf(p.terminal, clearLine+format, args...)
	}
}

// clear makes room for lines that stay.
func (p progress) clear() {
	if p.terminal != nil {
		fmt.Fprint(p.terminal, clearLine)
	}
}
