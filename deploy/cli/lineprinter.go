package cli

import (
	"bytes"
	"errors"
)

// errEnough ends a subscription that has printed what was asked for.
var errEnough = errors.New("enough")

// A linePrinter writes lines for people or for programs, and counts events.
type linePrinter struct {
	con    *console
	asJSON bool
	left   int // events still to print; 0: no bound
	buf    bytes.Buffer
}

// print writes lines at once. It returns errEnough when the last event that was asked for is among them.
func (p *linePrinter) print(lines []subLine) error {
	p.buf.Reset()
	var enough error
	for i := range lines {
		line := &lines[i]
		if p.asJSON {
			if err := line.appendJSON(&p.buf); err != nil {
				return err
			}
		} else {
			line.appendText(&p.buf, p.con)
		}
		if line.isEvent() && p.left > 0 {
			if p.left--; p.left == 0 {
				enough = errEnough
				break
			}
		}
	}
	if _, err := p.con.out.Write(p.buf.Bytes()); err != nil {
		return err
	}
	return enough
}

// isEvent tells events from what is said about those that are missing.
func (l *subLine) isEvent() bool { return l.Type != "gap" && l.Type != "skip" }
