// Package proto_test checks that SPEC.md says what the code does.
package proto_test

import (
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

func TestSpecListsTheFaults(t *testing.T) {
	want := map[string]bool{}
	for _, code := range declaredCodes(t) {
		want[string(code)] = code.Retryable()
	}
	got := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (yes|no) \\|").FindAllStringSubmatch(spec(t), -1) {
		if _, twice := got[row[1]]; twice {
			t.Errorf("%s is listed twice", row[1])
		}
		got[row[1]] = row[2] == "yes"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("codes and whether they are retryable (-code.go +SPEC.md):\n%s", diff)
	}
}

// declaredCodes returns the constants of type Code in proto/fault.
func declaredCodes(t *testing.T) []fault.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "fault/code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []fault.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for _, value := range spec.Values {
			text, err := strconv.Unquote(value.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, fault.Code(text))
		}
		return true
	})
	if len(codes) == 0 {
		t.Fatal("no codes found in fault/code.go")
	}
	return codes
}

func TestSpecListsTheFrames(t *testing.T) {
	want := map[string]string{}
	for typ := range frame.Type(0x40) {
		if name := typ.String(); !strings.HasPrefix(name, "frame type") {
			want[fmt.Sprintf("0x%02x", uint64(typ))] = name
		}
	}
	got := map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| (0x[0-9a-f]{2}) \| ([A-Z]+) \|`).FindAllStringSubmatch(spec(t), -1) {
		got[row[1]] = row[2]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("frame types (-type.go +SPEC.md):\n%s", diff)
	}
}

func TestSpecExample(t *testing.T) {
	var encoded strings.Builder
	_, block, _ := strings.Cut(spec(t), "no padding:\n\n```\n")
	block, _, _ = strings.Cut(block, "```")
	for line := range strings.Lines(block) {
		bytes, _, _ := strings.Cut(line, "   ")
		encoded.WriteString(strings.ReplaceAll(bytes, " ", ""))
	}
	want, err := frame.Append(nil, frame.Ping, &weirpb.Ping{Nonce: 1234})
	if err != nil || encoded.String() != hex.EncodeToString(want) {
		t.Errorf("the example is %s, want %x (%v)", encoded.String(), want, err)
	}
}

func TestSpecListsTheGapReasons(t *testing.T) {
	_, section, _ := strings.Cut(spec(t), "## 6.")
	section, _, _ = strings.Cut(section, "## 7.")
	got := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(section, -1) {
		got[row[1]] = true
	}
	schema, err := os.ReadFile("schema/weir/v1/session.proto")
	if err != nil {
		t.Fatal(err)
	}
	_, comment, _ := strings.Cut(string(schema), "// Stable: ")
	comment, _, _ = strings.Cut(comment, "\n")
	want := map[string]bool{}
	for _, reason := range regexp.MustCompile(`"([a-z_]+)"`).FindAllStringSubmatch(comment, -1) {
		want[reason[1]] = true
	}
	if !maps.Equal(want, got) || len(want) == 0 {
		t.Errorf("SPEC.md has the reasons %v, session.proto %v", got, want)
	}
}

func spec(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
