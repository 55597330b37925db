//go:build !linux

package filters

import "time"

// Elsewhere there are no threads that run only when no others want to.
const lowThreads = false

func lowerThread() {}

func threadTime() time.Time { return time.Now() }

func restThread(time.Duration) {}
