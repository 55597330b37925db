package edge

import (
	"cmp"
	"runtime"
)

// MakeRoom has Go run as many more threads at once as filters have turns (Limits.FilterTurns, 0 for the default), and returns how
// many turns those are, and what undoes it. Filters that take long run on threads to which the system gives a processor when
// nothing else wants it, and meanwhile each of them holds what Go counts as one: so that one is theirs. It is for programs that
// serve, as it concerns all that runs in the process. Go no longer follows changes of a control group's limit by itself then.
func MakeRoom(turns int) (taken int, undo func()) {
	processors := runtime.GOMAXPROCS(0)
	turns = cmp.Or(turns, defaultTurns(processors))
	runtime.GOMAXPROCS(processors + turns)
	return turns, func() { runtime.GOMAXPROCS(processors) }
}

// defaultTurns returns how many filters run at once by default on so many processors.
func defaultTurns(processors int) int { return max(1, processors-1) }
