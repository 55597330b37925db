package examples_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"weir/filters/examples"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

func TestExprSaysWhatIsWrongAndWhere(t *testing.T) {
	f := open(t, examples.Expr())
	for expr, says := range map[string]string{
		"":                               "expected a value at 1:1, found the end",
		"  \n ":                          "expected a value at 2:2, found the end",
		"delay > ":                       "expected a value after '>' at 1:9, found the end",
		"delay > and x":                  "expected a value after '>' at 1:9, found 'and'",
		"delay":                          "",
		"delay 60":                       "expected 'and', 'or' or the end after 'delay' at 1:7, found '60'",
		"a < b < c":                      "expected 'and', 'or' or the end after 'b' at 1:7, found '<'",
		"delay = 60":                     "expected 'and', 'or' or the end after 'delay' at 1:7, found '=': use '==' to compare",
		"a && b":                         "found '&': use 'and'",
		"a || b":                         "found '|': use 'or'",
		"!a":                             "expected a value at 1:1, found '!': use 'not'",
		"(a == 1":                        "expected 'and', 'or' or ')' after '1' at 1:8, found the end",
		"a == 1)":                        "expected 'and', 'or' or the end after '1' at 1:7, found ')'",
		"()":                             "expected a value after '(' at 1:2, found ')'",
		"a and":                          "expected a value after 'and' at 1:6, found the end",
		"a or or b":                      "expected a value after 'or' at 1:6, found 'or'",
		"not":                            "expected a value after 'not' at 1:4, found the end",
		"60":                             "expected a comparison after '60' at 1:3, found the end",
		"null":                           "expected a comparison after 'null' at 1:5, found the end",
		"true":                           "",
		"a in 1":                         "expected '[' after 'in' at 1:6, found '1'",
		"a in []":                        "expected a constant value after '[' at 1:7, found ']'",
		"a in [b]":                       "expected a constant value after '[' at 1:7, found 'b'",
		"a in [1 2]":                     "expected ',' or ']' after '1' at 1:9, found '2'",
		"a in [1,":                       "expected a constant value after ',' at 1:9, found the end",
		"exists 1":                       "expected the name of a field after 'exists' at 1:8, found '1'",
		"exists in":                      "expected the name of a field after 'exists' at 1:8, found 'in'",
		"a. == 1":                        "expected a name after '.' at 1:4, found '=='",
		"a.b.":                           "expected a name after '.' at 1:5, found the end",
		"a.1x == 2":                      "expected 'and', 'or' or the end after '1' at 1:4, found 'x'",
		"``== 2":                         "this name is empty or has a NUL in it at 1:1",
		"`a":                             "found '`': the closing '`' is missing",
		`a == "x`:                        `found '"': the closing '"' is missing`,
		"a == 'x\n'":                     `found ''': the closing "'" is missing`,
		`a == "\x"`:                      "this string has an escape that JSON does not know at 1:6",
		`a == "\u12"`:                    "this string has an escape that JSON does not know at 1:6",
		"a == 1e999":                     "this number is too large at 1:6",
		"a == 01":                        "found '0': this is not a number",
		"a == 1.":                        "found '1': this is not a number",
		"a == -":                         "found '-': this is not a number",
		"a == 12ab":                      "found '1': this is not a number",
		"a # b":                          "found '#': this character has no meaning here",
		"größe == 1":                     "found 'ö': this character has no meaning here",
		"a == 'größe' und b":             "expected 'and', 'or' or the end after ''größe'' at 1:14, found 'und'",
		"a\n  ==\n    )":                 "expected a value after '==' at 3:5, found ')'",
		"$":                              "found '$': a name must follow '$'",
		"$topic == 'x'":                  "there is no '$topic', only $key, $channel, $content_type, $time, $offset, $tombstone, at 1:1",
		nested(32):                       "nest more than 32 deep at 1:33",
		nested(31):                       "",
		strings.Repeat("not ", 32) + "a": "nest more than 32 deep at 1:129",
		strings.Repeat(" ", 4097):        "the expression is too long: at most 4096 bytes are allowed",
		"a in [" + strings.Repeat("1,", 1024) + "1]": "the expression has too many parts",
		many(65):       "the expression has too many parts",
		many(64):       "",
		`{"expr": 7}`:  `"expr" must be a string`,
		`{"exp": "a"}`: `params must have a field "expr"`,
		`{"expr": "a"`: "params look like JSON, but are not valid JSON",
		` {"expr": "origin == \"ORD\" and\u0020"}`:        "expected a value after 'and' at 1:21, found the end",
		"a == '" + strings.Repeat("ü", 40) + "' '" + "x'": "expected 'and', 'or' or the end after ''" + strings.Repeat("ü", 19) + "...' at 1:49, found ''x''",
	} {
		_, err := f.Prepare(context.Background(), []byte(expr))
		if says == "" {
			if err != nil {
				t.Errorf("%q: %v", expr, err)
			}
			continue
		}
		if fault.CodeOf(err) != fault.FilterParams || !strings.Contains(err.Error(), says) {
			t.Errorf("%q:\n got %v\nwant %s", expr, err, says)
		}
	}
}

func nested(n int) string { return strings.Repeat("(", n) + "a" + strings.Repeat(")", n) }

// many names so many fields.
func many(n int) string {
	fields := make([]string, n)
	for i := range fields {
		fields[i] = "f" + string(rune('a'+i/26)) + string(rune('a'+i%26))
	}
	return strings.Join(fields, " or ")
}

func TestExprMeansWhatItSays(t *testing.T) {
	f := open(t, examples.Expr())
	e := &weirpb.Event{
		Offset: 42, TimeMs: 1_700_000_000_123, Key: "EU/SWR123", ContentType: "application/json", Payload: []byte(`{
			"delay": 61.5, "origin": "ORD", "delayed": true, "cancelled": false, "gate": null, "count": 0,
			"legs": [{"origin": "ORD", "and": 1}, {"origin": "ZRH"}], "a": {"b": {"c": "deep"}}, "flight number": 7,
			"text": "tab\tquote\" \u00fcber \ud834\udd1e \/", "half": "\ud834x", "twice": 1, "twice": 2, "huge": 1e999, "": 1}`),
	}
	for expr, want := range map[string]bool{
		`delay > 60 and origin == "ORD"`: true,
		`delay > 60 and origin == "ZRH"`: false,
		`delay > 62 or origin == "ORD"`:  true,
		`delay > 62 or origin == "ZRH"`:  false,
		`delay == 61.5`:                  true, `delay != 61.5`: false, `delay >= 61.5`: true, `delay <= 61.5`: true, `delay < 61.5`: false,
		`60 < delay`: true, `61.5e0 == delay`: true, `-1 < count`: true, `count == -0`: true,
		// and binds more tightly than or, not more tightly than and.
		`delayed or delayed and cancelled`:   true,
		`(delayed or delayed) and cancelled`: false,
		`not cancelled and delayed`:          true,
		`not (cancelled and delayed)`:        true,
		`not delay == 61.5`:                  false,
		`not not delayed`:                    true,
		// Missing fields and other types.
		`missing == 1`: false, `missing != 1`: false, `not missing == 1`: true, `missing == null`: false, `missing`: false, `missing == missing`: false,
		`delay == "61.5"`: false, `delay != "61.5"`: false, `origin < 5`: false, `delayed == 1`: false, `legs == legs`: false, `a != 1`: false,
		`gate == null`: true, `gate != null`: false, `gate >= null`: false, `null == null`: true, `origin == null`: false, `origin != null`: false,
		`delayed == true`: true, `delayed != false`: true, `delayed == cancelled`: false, `delayed > cancelled`: false, `true`: true, `false`: false,
		`huge == huge`: false, `exists huge`: true, `delay`: false, `origin`: false, `gate`: false,
		`exists gate`: true, `exists missing`: false, `exists a.b.c`: true, `exists a.b.d`: false, `exists legs`: true, `not exists missing and delayed`: true,
		// Paths.
		`a.b.c == "deep"`: true, `legs.0.origin == "ORD"`: true, `legs.1.origin == "ZRH"`: true, `exists legs.2`: false, `exists legs.00`: false, `legs.0.and == 1`: true,
		"`flight number` == 7": true, "a.`b`.c == 'deep'": true, `exists origin.x`: false, `a . b . c == "deep"`: true,
		// Text.
		`origin == 'ORD'`: true, `origin < "ORE"`: true, `origin > "OR"`: true, `origin >= "ORD"`: true, `origin prefix "OR"`: true, `origin startswith "RD"`: false,
		`origin prefix ""`: true, `origin prefix "ORDX"`: false, `delay prefix "6"`: false, `"ORD" prefix origin`: true,
		`text == "tab\tquote\" \u00fcber \ud834\udd1e /"`: true, `text prefix 'tab\u0009quote"'`: true, `text == 'tab	quote" über 𝄞 /'`: true,
		`half == "\ufffdx"`: true, `'it\'s' == "it's"`: true,
		// Lists.
		`origin in ["ZRH", "ORD"]`: true, `origin in ["ZRH"]`: false, `delay in [1, "x", 61.5]`: true, `gate in [null]`: true, `missing in [null]`: false, `not origin in ["ZRH"]`: true, `delayed in [true]`: true,
		// What is known of the event.
		`$key prefix "EU/"`: true, `$channel == "flights"`: true, `$content_type == "application/json"`: true, `$offset == 42`: true,
		`$time > 1700000000122 and $time < 1700000000124`: true, `$tombstone`: false, `$tombstone == false`: true, `exists $key`: true,
		`twice == 2`: true, `twice == 1`: false, "and_then == 1": false, "\tdelay\r\n>\n60": true,
	} {
		if got := ask(t, f, e, prepare(t, f, expr))[0]; got != want {
			t.Errorf("%s: %v", expr, got)
		}
		wrapped, err := json.Marshal(map[string]string{"expr": expr})
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(t, f, e, prepare(t, f, string(wrapped)))[0]; got != want {
			t.Errorf("%s: %v", wrapped, got)
		}
	}
}

func TestExprOfEventsWithoutFields(t *testing.T) {
	f := open(t, examples.Expr())
	all := [][]byte{prepare(t, f, `exists a`), prepare(t, f, `not exists a`), prepare(t, f, `$tombstone`), prepare(t, f, `exists $key`)}
	for _, text := range []string{"", "7", `"a"`, "[1]", `{"a":1`, `{"a":1} x`, `{"a":` + nest(64, "1") + `}`, "\xff\xfe", `{"a":01}`, `{a:1}`, `{"a":1,}`, `{"a" 1}`} {
		e := &weirpb.Event{Offset: 1, Payload: []byte(text), Tombstone: text == ""}
		got := ask(t, f, e, all...)
		if got[0] || !got[1] || got[2] != (text == "") || got[3] {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestExprWithManyFields has more different fields asked of one event than the filter remembers.
func TestExprWithManyFields(t *testing.T) {
	f := open(t, examples.Expr())
	var prepared [][]byte
	object := map[string]int{}
	for i := range 400 {
		name := "field" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26))
		object[name] = i
		expr, err := json.Marshal(i)
		if err != nil {
			t.Fatal(err)
		}
		prepared = append(prepared, prepare(t, f, name+" == "+string(expr)), prepare(t, f, name+" == -1 or "+name+" > 400"))
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range ask(t, f, payload(string(text)), prepared...) {
		if got != (i%2 == 0) {
			t.Errorf("expression %d: %v", i, got)
		}
	}
}
