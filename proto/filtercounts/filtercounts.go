// Package filtercounts does arithmetic on what is counted of filters' versions, all counts of a weirpb.FilterCounts at once.
package filtercounts

import "weir/proto/weirpb"

// Add adds b to a.
func Add(a, b *weirpb.FilterCounts) {
	combine(a, b, func(x, y uint64) uint64 { return x + y })
}

// Subtract takes b from a. No count becomes less than 0.
func Subtract(a, b *weirpb.FilterCounts) {
	combine(a, b, func(x, y uint64) uint64 { return x - min(x, y) })
}

// Raise makes each count of a at least b's: counts of one edge only grow, so of two that were taken at different times
// the higher ones are the later.
func Raise(a, b *weirpb.FilterCounts) {
	combine(a, b, func(x, y uint64) uint64 { return max(x, y) })
}

func combine(a, b *weirpb.FilterCounts, f func(x, y uint64) uint64) {
	a.Calls = f(a.Calls, b.GetCalls())
	a.Evaluations = f(a.Evaluations, b.GetEvaluations())
	a.Matches = f(a.Matches, b.GetMatches())
	a.Failures = f(a.Failures, b.GetFailures())
	a.Refused = f(a.Refused, b.GetRefused())
	a.Suspensions = f(a.Suspensions, b.GetSuspensions())
	a.Compared = f(a.Compared, b.GetCompared())
	a.Differences = f(a.Differences, b.GetDifferences())
	a.Rechecked = f(a.Rechecked, b.GetRechecked())
	a.HistoryDependent = f(a.HistoryDependent, b.GetHistoryDependent())
	a.Fuel = f(a.Fuel, b.GetFuel())
	a.UpkeepFuel = f(a.UpkeepFuel, b.GetUpkeepFuel())
	a.Unasked = f(a.Unasked, b.GetUnasked())
	a.Lines = f(a.Lines, b.GetLines())
}
