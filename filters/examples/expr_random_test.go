package examples_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/filters/examples"
	"weir/proto/fault"
)

// A node is the reference for the expr filter, in plain Go: its text, and what that means for a payload.
type node struct {
	text  string
	holds func(payload any) bool
}

// A value is the same for what is compared.
type value struct {
	text string
	of   func(payload any) any
}

func literal(v any) value {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	if f, ok := v.(float64); ok {
		text = strconv.AppendFloat(nil, f, 'g', -1, 64)
		v = json.Number(text)
	}
	return value{string(text), func(any) any { return v }}
}

var literals = rapid.Custom(func(t *rapid.T) value {
	return rapid.OneOf(
		rapid.Map(rapid.SampledFrom([]float64{-1, 0, 1, 1.5, 100}), func(v float64) value { return literal(v) }),
		rapid.Map(rapid.SampledFrom([]string{"", "a", "ab", "b", "ü"}), func(v string) value { return literal(v) }),
		rapid.Map(rapid.Bool(), func(v bool) value { return literal(v) }),
		rapid.Just(literal(nil)),
	).Draw(t, "literal")
})

var names = []string{"a", "b", "c.a", "c.0", "c.b.a", "`x y`"}

var values = rapid.Custom(func(t *rapid.T) value {
	if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
		return literals.Draw(t, "value")
	}
	name := rapid.SampledFrom(names).Draw(t, "name")
	return value{name, func(payload any) any { return lookup(payload, strings.Trim(name, "`")) }}
})

func compareGo(operator string, a, b any) bool {
	order, comparable, ordered := 0, false, true
	switch x := a.(type) {
	case json.Number:
		fx, okx := number(x)
		fy, oky := number(b)
		comparable = okx && oky
		order = cmpOf(fx, fy)
	case string:
		y, ok := b.(string)
		comparable, order = ok, strings.Compare(x, y)
	case bool:
		y, ok := b.(bool)
		comparable, ordered = ok, false
		if x != y {
			order = 1
		}
	case nil:
		comparable, ordered = b == nil, false
	}
	if !comparable || !ordered && operator != "==" && operator != "!=" {
		return false
	}
	switch operator {
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func cmpOf(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// leaf draws an expression without and, or, not.
func leaf(t *rapid.T) node {
	a := values.Draw(t, "a")
	switch rapid.IntRange(0, 5).Draw(t, "leaf") {
	case 0:
		list := rapid.SliceOfN(literals, 1, 4).Draw(t, "list")
		var texts []string
		for _, l := range list {
			texts = append(texts, l.text)
		}
		return node{a.text + " in [" + strings.Join(texts, ", ") + "]", func(p any) bool {
			return slices.ContainsFunc(list, func(l value) bool { return compareGo("==", a.of(p), l.of(p)) })
		}}
	case 1:
		b := values.Draw(t, "b")
		return node{a.text + " prefix " + b.text, func(p any) bool {
			x, okx := a.of(p).(string)
			y, oky := b.of(p).(string)
			return okx && oky && strings.HasPrefix(x, y)
		}}
	case 2:
		name := rapid.SampledFrom(names).Draw(t, "name")
		return node{"exists " + name, func(p any) bool { return lookup(p, strings.Trim(name, "`")) != missing{} }}
	default:
		b := values.Draw(t, "b")
		operator := rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">="}).Draw(t, "operator")
		return node{a.text + operator + b.text, func(p any) bool { return compareGo(operator, a.of(p), b.of(p)) }}
	}
}

// tree draws an expression, with parentheses only where they are needed: so precedence is tested too.
func tree(t *rapid.T, depth, precedence int) node {
	const or, and, not = 1, 2, 3
	kind := rapid.IntRange(0, 3).Draw(t, "tree")
	if depth == 0 || kind == 0 {
		return leaf(t)
	}
	var n node
	if kind == not {
		x := tree(t, depth-1, not)
		n = node{"not " + x.text, func(p any) bool { return !x.holds(p) }}
	} else {
		x, y := tree(t, depth-1, kind), tree(t, depth-1, kind+1)
		n = node{x.text + " and " + y.text, func(p any) bool { return x.holds(p) && y.holds(p) }}
		if kind == or {
			n = node{x.text + " or " + y.text, func(p any) bool { return x.holds(p) || y.holds(p) }}
		}
	}
	if kind < precedence {
		n.text = "(" + n.text + ")"
	}
	return n
}

// payloads draws JSON that has something under the names that expressions ask for.
var payloads = rapid.Custom(func(t *rapid.T) string {
	scalar := func(name string) any {
		return rapid.SampledFrom([]any{nil, true, false, -1, 0, 1, 1.5, 100, "", "a", "ab", "b", "ü", []any{}, map[string]any{}}).Draw(t, name)
	}
	object := map[string]any{"a": scalar("a"), "b": scalar("b"), "x y": scalar("x y"), "z": scalar("z")}
	switch rapid.IntRange(0, 2).Draw(t, "c") {
	case 0:
		object["c"] = map[string]any{"a": scalar("c.a"), "0": scalar("c.0"), "b": map[string]any{"a": scalar("c.b.a")}}
	case 1:
		object["c"] = []any{scalar("c.0"), scalar("c.1")}
	}
	for _, name := range rapid.SliceOf(rapid.SampledFrom([]string{"a", "b", "c"})).Draw(t, "absent") {
		delete(object, name)
	}
	b, err := json.Marshal(object)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(b)
})

func TestExprAgreesWithGo(t *testing.T) {
	f := open(t, examples.Expr())
	rapid.Check(t, func(t *rapid.T) {
		nodes := make([]node, rapid.IntRange(1, 70).Draw(t, "groups"))
		prepared := make([][]byte, len(nodes))
		for i := range nodes {
			nodes[i] = tree(t, 4, 0)
			prepared[i] = prepare(t, f, nodes[i].text)
		}
		text := payloads.Draw(t, "payload")
		parsed, ok := parse([]byte(text))
		if !ok {
			t.Fatalf("%s is not JSON", text)
		}
		for i, got := range ask(t, f, payload(text), prepared...) {
			if want := nodes[i].holds(parsed); got != want {
				t.Fatalf("%s of %s: %v, want %v", nodes[i].text, text, got, want)
			}
		}
	})
}

func FuzzExprParams(f *testing.F) {
	for _, seed := range []string{
		"", "a", `delay > 60 and origin == "ORD"`, `{"expr":"a in [1, 2.5e3, 'x', null]"}`, "not (a.0.b prefix $key or exists `x`)", "a == '\\ud834\\udd1e'", "((((", "a.1.2.3<-0", "$time >= 1e400", strings.Repeat("\xa4", 41),
	} {
		f.Add(seed)
	}
	filter := open(f, examples.Expr())
	f.Fuzz(func(t *testing.T, params string) {
		if len(params) > 16<<10 {
			return
		}
		prepared, err := filter.Prepare(context.Background(), []byte(params))
		if err != nil {
			if fault.CodeOf(err) != fault.FilterParams {
				t.Fatal(err)
			}
			return
		}
		both := [][]byte{prepared, prepare(t, filter, negated(t, params))}
		if got := ask(t, filter, payload(`{"a":{"0":{"b":1}},"delay":61,"origin":"ORD"}`), both...); len(params) < 1000 && got[0] == got[1] {
			t.Errorf("%q and its negation are both %v", params, got[0])
		}
	})
}

// negated returns the opposite of an expression, or the expression itself where it is close to the bounds.
func negated(t *testing.T, params string) string {
	expr := params
	if strings.HasPrefix(strings.TrimLeft(params, " \t\r\n\f"), "{") {
		var object struct{ Expr string }
		fields := map[string]any{}
		if err := json.Unmarshal([]byte(params), &fields); err != nil {
			t.Skip("Go reads this JSON otherwise")
		}
		object.Expr, _ = fields["expr"].(string)
		expr = object.Expr
	}
	if len(expr) >= 1000 || strings.Count(expr, "(")+strings.Count(expr, "not") > 25 {
		t.Skip("close to the bounds")
	}
	return fmt.Sprintf("not (%s)", expr)
}
