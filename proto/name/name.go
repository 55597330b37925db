// Package name says what tenants, namespaces, filters and channels may be called, which namespace a channel is in, and
// which channels a token's pattern means.
package name

import (
	"fmt"
	"strings"

	"weir/proto/fault"
)

// Longest names, in bytes.
const (
	MaxLabel   = 63 // tenants, namespaces, filters
	MaxChannel = 200
)

// DefaultNamespace is the namespace that every tenant has from the start.
const DefaultNamespace = "default"

// CheckTenant reports what is wrong with a tenant's name: 1 to 63 of a-z, 0-9 and "-", beginning with a letter. The error
// is a *fault.Fault with code invalid_argument.
func CheckTenant(tenant string) error {
	if f := checkLabel("tenant", tenant, isTenantByte); f != nil {
		return f.WithHint("use 1 to 63 of a-z, 0-9 and \"-\", beginning with a letter")
	}
	if tenant[0] < 'a' || tenant[0] > 'z' {
		return fault.New(fault.InvalidArgument, "the tenant name %s does not begin with a letter", quote(tenant)).
			WithHint("use 1 to 63 of a-z, 0-9 and \"-\", beginning with a letter")
	}
	return nil
}

// CheckNamespace reports what is wrong with a namespace's name: 1 to 63 of a-z, 0-9, "-" and "_". The error is a
// *fault.Fault with code invalid_argument.
func CheckNamespace(namespace string) error {
	if f := checkLabel("namespace", namespace, isLabelByte); f != nil {
		return f.WithHint("use 1 to 63 of a-z, 0-9, \"-\" and \"_\"")
	}
	return nil
}

// CheckFilter reports what is wrong with a filter's name: 1 to 63 of a-z, 0-9, "-" and "_". The error is a *fault.Fault
// with code invalid_argument.
func CheckFilter(filter string) error {
	if f := checkLabel("filter", filter, isLabelByte); f != nil {
		return f.WithHint("use 1 to 63 of a-z, 0-9, \"-\" and \"_\"")
	}
	return nil
}

func checkLabel(what, label string, allowed func(byte) bool) *fault.Fault {
	if label == "" {
		return fault.New(fault.InvalidArgument, "the %s name is missing", what)
	}
	if len(label) > MaxLabel {
		return fault.New(fault.InvalidArgument, "the %s name %s has %d bytes, at most %d are allowed",
			what, quote(label), len(label), MaxLabel)
	}
	if i := badByte(label, allowed); i >= 0 {
		return fault.New(fault.InvalidArgument, "the %s name %s has %s at byte %d", what, quote(label), character(label[i]), i+1)
	}
	return nil
}

func isTenantByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-'
}

func isLabelByte(c byte) bool { return isTenantByte(c) || c == '_' }

// badByte returns the place of the first byte that is not allowed, -1 if all are.
func badByte(s string, allowed func(byte) bool) int {
	for i := range len(s) {
		if !allowed(s[i]) {
			return i
		}
	}
	return -1
}

// quoted is how much of a bad name an error repeats, in bytes: enough to recognise it, not enough to fill a log.
const quoted = 64

func quote(s string) string {
	if len(s) <= quoted {
		return printable(s)
	}
	return printable(s[:quoted]) + "..."
}

// printable quotes s with everything but plain ASCII replaced, so that a name from outside can't draw on a terminal.
func printable(s string) string {
	return "\"" + strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' {
			return '?'
		}
		return r
	}, s) + "\""
}

// character shows a byte that a name must not have.
func character(c byte) string {
	if c >= 0x80 {
		return fmt.Sprintf("the byte %#x (not ASCII)", c)
	}
	return fmt.Sprintf("%q", c)
}
