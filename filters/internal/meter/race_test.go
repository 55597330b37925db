//go:build race

package meter

// raceEnabled: races are looked for, which costs ten times the time, and there are no goroutines to race here.
const (
	raceEnabled    = true
	seedsByDefault = 40
)
