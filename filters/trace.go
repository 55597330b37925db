package filters

import (
	"regexp"
	"strings"
)

const (
	maxTraced     = 3   // functions of a trace that are told, innermost first
	maxTracedName = 100 // bytes of a function's name
)

// traced is a line of wazero's stack trace: ".name(types) types". Functions without a name are called "$12".
var traced = regexp.MustCompile(`^\t\.(.*?)\(([a-z0-9,]*)\)( [a-z0-9]+| \([a-z0-9,]*\))?$`)

// trace says in which function a call ended, and by which it was called: ", in parse, called by decide". Empty if the
// module has no names.
func trace(err error) string {
	_, frames, _ := strings.Cut(err.Error(), "\nwasm stack trace:\n")
	var names []string
	for line := range strings.Lines(frames) {
		match := traced.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if match == nil && len(names) == 0 {
			continue // a function of the host, which ended it for lack of fuel
		}
		if match == nil || strings.HasPrefix(match[1], "$") || len(names) == maxTraced {
			break
		}
		name := match[1]
		names = append(names, readable([]byte(name[:min(len(name), maxTracedName)])))
	}
	if len(names) == 0 {
		return ""
	}
	return ", in " + strings.Join(names, ", called by ")
}
