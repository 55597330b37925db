package filters

import "sync/atomic"

// Usage is what a Filter has used since it was opened.
type Usage struct {
	// Calls of prepare, match, project, keys and interest that were begun, and how many of them failed. A prepare that
	// refuses its params has not failed.
	Calls, Failures uint64
	// Fuel of those calls: the same for the same calls, whatever instance, machine and time they run on.
	Fuel uint64
	// Upkeep is the fuel of what calls need now and then: new instances and larger buffers. How often that is depends
	// on how many calls run at once.
	Upkeep uint64
}

// usage counts for a Filter.
type usage struct{ calls, failures, fuel, upkeep atomic.Uint64 }

// Usage returns what the filter has used so far.
func (f *Filter) Usage() Usage {
	u := &f.usage
	return Usage{Calls: u.calls.Load(), Failures: u.failures.Load(), Fuel: u.fuel.Load(), Upkeep: u.upkeep.Load()}
}

// count adds a call that in has made and that ended with err.
func (f *Filter) count(in *instance, err error) {
	f.usage.calls.Add(1)
	f.usage.fuel.Add(in.fuelUsed)
	if in.upkeep > 0 {
		f.usage.upkeep.Add(in.upkeep)
	}
	if broken(err) {
		f.usage.failures.Add(1)
		in.cost.Failures++
	}
	in.cost.Calls++
	in.cost.Fuel += in.fuelUsed
	in.cost.Upkeep += in.upkeep
	in.fuelUsed, in.upkeep = 0, 0
}
