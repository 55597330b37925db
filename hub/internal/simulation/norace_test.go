//go:build !race

package simulation

// histories is how many are told by default.
const histories = 10_000
