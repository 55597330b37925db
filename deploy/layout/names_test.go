package layout

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// quoted is what Markdown sets as code within a line.
	quoted = regexp.MustCompile("`([^`\n]+)`")
	// named are the names within it that can be looked up: of source files, tests, and targets of make.
	namedFile   = regexp.MustCompile(`(?:^|[\s(])([\w./-]+\.(?:go|proto|ts))\b`)
	namedTest   = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`)
	namedTarget = regexp.MustCompile(`^make ([a-z-]+)`)

	testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	makeTarget   = regexp.MustCompile(`(?m)^([a-z-]+):`)
)

// TestDocumentsNameWhatThereIs looks up the source files, tests and targets of make that documents name. A test may be named by how
// its name begins, as for -run.
func TestDocumentsNameWhatThereIs(t *testing.T) {
	files, tests := sources(t, ".go", ".proto", ".ts"), ""
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			for _, match := range testFunction.FindAllStringSubmatch(read(t, clean(path)), -1) {
				tests += " " + match[1]
			}
		}
	}
	var targets []string
	for _, match := range makeTarget.FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets = append(targets, match[1])
	}
	all := "\x00" + strings.Join(files, "\x00") + "\x00"
	for _, path := range sources(t, ".md") {
		for _, code := range quoted.FindAllStringSubmatch(withoutCode(read(t, clean(path))), -1) {
			for _, file := range namedFile.FindAllStringSubmatch(code[1], -1) {
				if !strings.Contains(all, "/"+filepath.FromSlash(strings.TrimPrefix(file[1], "./"))+"\x00") {
					t.Errorf("%s names the file %s, which is not there", clean(path), file[1])
				}
			}
			for _, test := range namedTest.FindAllString(code[1], -1) {
				if !strings.Contains(tests, " "+test) {
					t.Errorf("%s names %s, which is not there", clean(path), test)
				}
			}
			for _, target := range namedTarget.FindAllStringSubmatch(code[1], -1) {
				if !strings.Contains(" "+strings.Join(targets, " ")+" ", " "+target[1]+" ") {
					t.Errorf("%s names make %s, which is not there", clean(path), target[1])
				}
			}
		}
	}
}
