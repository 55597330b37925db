//go:build race

package simulation

// histories is how many are told by default: few, as each has one goroutine, and the detector takes ten times as long.
const histories = 300
