package name_test

import (
	"strings"
	"testing"

	"weir/proto/fault"
	"weir/proto/name"
)

func TestLabels(t *testing.T) {
	long := strings.Repeat("a", name.MaxLabel)
	tests := []struct {
		label                     string
		tenant, namespace, filter bool
	}{
		{"acme", true, true, true},
		{"a", true, true, true},
		{"acme-2", true, true, true},
		{long, true, true, true},
		{long + "a", false, false, false},
		{"", false, false, false},
		{"2acme", false, true, true},
		{"-acme", false, true, true},
		{"snake_case", false, true, true},
		{"Acme", false, false, false},
		{"a.b", false, false, false},
		{"a:b", false, false, false},
		{"a b", false, false, false},
		{"é", false, false, false},
		{"a\x00", false, false, false},
		{"a\x1b[2J", false, false, false},
	}
	for _, tt := range tests {
		check(t, "CheckTenant", tt.label, name.CheckTenant(tt.label), tt.tenant, fault.InvalidArgument)
		check(t, "CheckNamespace", tt.label, name.CheckNamespace(tt.label), tt.namespace, fault.InvalidArgument)
		check(t, "CheckFilter", tt.label, name.CheckFilter(tt.label), tt.filter, fault.InvalidArgument)
	}
}

// check wants err to be nil exactly if ok, and otherwise a fault that helps and can be printed.
func check(t *testing.T, what, input string, err error, ok bool, code fault.Code) {
	t.Helper()
	if (err == nil) != ok {
		t.Errorf("%s(%q) = %v, want ok %v", what, input, err, ok)
		return
	}
	if err == nil {
		return
	}
	f := fault.From(err)
	if f.Code != code || f.Hint == "" {
		t.Errorf("%s(%q) = %v, want code %s and a hint", what, input, err, code)
	}
	for _, r := range err.Error() {
		if r < ' ' || r > '~' {
			t.Errorf("%s(%q) = %q, which is not plain ASCII", what, input, err.Error())
			break
		}
	}
	if len(err.Error()) > 500 {
		t.Errorf("%s of %d bytes answers with %d bytes", what, len(input), len(err.Error()))
	}
}
