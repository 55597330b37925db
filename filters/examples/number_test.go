package examples_test

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/filters"
	"weir/filters/examples"
)

// checkNumber has the guest parse a number and compare it with Go's result, and with the floats next to that.
func checkNumber(t fataler, f *filters.Filter, text string) {
	t.Helper()
	want, err := strconv.ParseFloat(text, 64)
	// The neighbours' shortest forms are parsed by the guest too, but on another path than most of what is tested.
	exact := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	if err != nil {
		if got := ask(t, f, payload(`{"x":`+text+`}`), prepare(t, f, "x < 0 or x >= 0")); got[0] {
			t.Fatalf("%s is a number to the guest", text)
		}
		return
	}
	prepared := [][]byte{prepare(t, f, "x == "+exact(want))}
	answers := []bool{true}
	for _, neighbour := range []float64{math.Nextafter(want, math.Inf(1)), math.Nextafter(want, math.Inf(-1))} {
		if !math.IsInf(neighbour, 0) && neighbour != want {
			prepared = append(prepared, prepare(t, f, "x == "+exact(neighbour)))
			answers = append(answers, false)
		}
	}
	for i, got := range ask(t, f, payload(`{"x":`+text+`}`), prepared...) {
		if got != answers[i] {
			t.Fatalf("%s is not %v to the guest", text, exact(want))
		}
	}
}

func TestNumbersAreRoundedAsInGo(t *testing.T) {
	f := open(t, examples.Expr())
	for _, text := range []string{
		"0", "-0", "0.0", "0e5", "1", "-1", "0.1", "123456789012345", "1234567890123456", "12345678901234567890", "8.549123456789012",
		"9007199254740993", "9007199254740992.99999999999999999999", "9007199254740993.00000000000000000000000000000001",
		"1e22", "1e23", "1e27", "1e28", "1e-27", "1e-28", "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "1e309", "1e99999999999999999999",
		"2.2250738585072014e-308", "2.2250738585072011e-308", "4.9e-324", "5e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "2e-324", "1e-400", "1e-99999999999999999999",
		"0." + strings.Repeat("0", 400) + "1", "1" + strings.Repeat("0", 310), strings.Repeat("9", 300), "0." + strings.Repeat("0", 100) + strings.Repeat("123456789", 100),
		"1" + strings.Repeat("0", 308) + "." + strings.Repeat("0", 900) + "1", "0.500000000000000166533453693773481063544750213623046875",
		"0.50000000000000016653345369377348106354475021362304687500000000000000000000000000000000001", "100000000000000000000000.00000000000001",
		"7.2057594037927933e16", "6929495644600919.5", "3.7455744005952583e15", "9214843084008499", "0.1000000000000000055511151231257827021181583404541015625",
	} {
		checkNumber(t, f, text)
	}
	// The number half way between the greatest subnormal and the least normal float, in all its 767 digits, and around it.
	half := strconv.FormatFloat(math.Float64frombits(1<<52), 'f', 1074, 64)
	for _, suffix := range []string{"", "0", "1", "00001"} {
		checkNumber(t, f, half+suffix)
	}
}

func TestNumbersAreRoundedAsInGoAtRandom(t *testing.T) {
	f := open(t, examples.Expr())
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.Map(rapid.Float64(), func(v float64) string {
				if math.IsInf(v, 0) || math.IsNaN(v) {
					return "0"
				}
				return strconv.FormatFloat(v, 'e', -1, 64)
			}),
			rapid.Map(rapid.Float64Range(-180, 180), func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }),
			rapid.Map(rapid.Uint64(), func(v uint64) string { return halfWay(v) }),
			rapid.StringMatching(`-?(0|[1-9]\d{0,30})(\.\d{1,40})?([eE][+-]?\d{1,3})?`),
		).Draw(t, "number")
		checkNumber(t, f, text)
	})
}

// halfWay writes the number half way between two floats near some bits, exactly.
func halfWay(bits uint64) string {
	v := math.Float64frombits(bits &^ (1 << 63))
	if math.IsInf(v, 0) || math.IsNaN(v) || v > 1e300 || v < 1e-300 {
		return "0"
	}
	mantissa, exponent := math.Frexp(v)
	whole := uint64(math.Ldexp(mantissa, 53))*2 + 1
	return bigShift(whole, exponent-54)
}

// bigShift writes v * 2^shift in decimal.
func bigShift(v uint64, shift int) string {
	f := new(big.Float).SetPrec(64).SetUint64(v)
	return f.SetMantExp(f, shift).Text('f', 1100)
}
