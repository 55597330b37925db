package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"weir/filters/cases"
)

// filterTest is "weir filter test".
type filterTest struct {
	Cases []string `arg:"" optional:"" help:"Files of cases, cases.yaml by default." placeholder:"FILE"`
	JSON  bool     `help:"Print a JSON object for each case."`
	projectFlag
}

func (filterTest) Help() string {
	return `Runs cases: an event, params, and what the filter is expected to say. Each case of a file has a name, params and an event,
and one or more of match, refused, projection, keys and interest.

Examples:

    weir filter test
    weir filter test cases.yaml more.yaml --json`
}

func (c *filterTest) Run(ctx context.Context, con *console, log *slog.Logger) error {
	p, err := c.load()
	if err != nil {
		return err
	}
	files := c.Cases
	if len(files) == 0 {
		files = []string{p.Path("cases.yaml")}
	}
	var table cases.Table
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return usagef("", "can't read the cases: %w", err)
		}
		t, err := cases.Parse(text)
		if err != nil {
			return usagef("", "%s: %w", shortPath(file), err)
		}
		table.Cases = append(table.Cases, t.Cases...)
	}
	module, err := fresh(ctx, p, con)
	if err != nil {
		return err
	}
	filter, err := openLocal(ctx, module, log)
	if err != nil {
		return err
	}
	results := cases.Run(ctx, filter.Filter, &table)
	if err := filter.close(); err != nil {
		return err
	}
	return c.report(con, results)
}

// report prints results. Cases that fail make an error.
func (c *filterTest) report(con *console, results []cases.Result) error {
	failed := 0
	for _, r := range results {
		if len(r.Differences) > 0 {
			failed++
		}
		if c.JSON {
			if err := con.printJSON(struct {
				OK bool `json:"ok"`
				cases.Result
			}{len(r.Differences) == 0, r}); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprint(con.out, resultText(con, r)); err != nil {
			return err
		}
	}
	if failed > 0 {
		return failf("after - is what the case expects, after + what the filter says", "%d of %d cases failed", failed, len(results))
	}
	if !c.JSON {
		_, err := fmt.Fprintf(con.out, "%d cases passed\n", len(results))
		return err
	}
	return nil
}

// resultText is a line for what passes, and more for what does not.
func resultText(con *console, r cases.Result) string {
	if len(r.Differences) == 0 {
		return con.outStyle(green, "ok") + "    " + r.Name + "\n"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s  %s\n", con.outStyle(red, "FAIL"), r.Name)
	for _, d := range r.Differences {
		fmt.Fprintf(&text, "      %s\n", d.What)
		for _, line := range diffLines(indented(d.Want), indented(d.Got)) {
			switch line[0] {
			case '-':
				line = con.outStyle(red, line)
			case '+':
				line = con.outStyle(green, line)
			}
			fmt.Fprintf(&text, "        %s\n", line)
		}
	}
	return text.String()
}

// indented returns the lines of a text: of JSON a line for each value.
func indented(text string) []string {
	var out bytes.Buffer
	if looksLikeJSON(text) && json.Valid([]byte(text)) {
		var v any
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if decoder.Decode(&v) == nil && encoder.Encode(v) == nil {
			text = strings.TrimSuffix(out.String(), "\n")
		}
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return lines
}
