package demo

import "time"

// speed is how much faster than real the aircraft fly: a minute of flight passes in a second, which the eye can follow
// and which brings somebody to an airport every quarter of a second.
const speed = 60

// loop is the virtual time after which everything repeats; it takes 89 minutes. The table's 90 days are laid over each
// other in pieces of this length, which brings the few flights a day of a sample up to some 400 in the air. 89 hours
// share no divisor with the 24 of a day, so the pieces begin at all hours and there is no night in which nothing flies.
const loop = 89 * time.Hour

// virtual returns the time within the loop, from 0 to below loop.
func virtual(now time.Time) time.Duration {
	return time.Duration(now.UnixMilli()*speed%loop.Milliseconds()) * time.Millisecond
}
