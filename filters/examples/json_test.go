package examples_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// maxDepth is how deeply JSON may be nested for the guests' SDK.
const maxDepth = 64

// missing stands for a field that is not there.
type missing struct{}

// parse reads a JSON text as the guests do: the whole of it or nothing, and not nested too deeply.
func parse(text []byte) (any, bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil || depth(v) > maxDepth {
		return nil, false
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, false
	}
	return v, true
}

func depth(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			deepest = max(deepest, depth(member))
		}
	case []any:
		for _, member := range v {
			deepest = max(deepest, depth(member))
		}
	default:
		return 0
	}
	return deepest + 1
}

// lookup follows a dotted path.
func lookup(v any, path string) any {
	for _, name := range strings.Split(path, ".") {
		switch nested := v.(type) {
		case map[string]any:
			member, ok := nested[name]
			if !ok {
				return missing{}
			}
			v = member
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(nested) || strconv.Itoa(i) != name {
				return missing{}
			}
			v = nested[i]
		default:
			return missing{}
		}
	}
	return v
}

// number returns a JSON number as a float, if it fits.
func number(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(n), 64)
	return f, err == nil
}
