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

// add adds a use.
func (u *usage) add(c Cost) {
	u.calls.Add(c.Calls)
	u.fuel.Add(c.Fuel)
	if c.Upkeep > 0 {
		u.upkeep.Add(c.Upkeep)
	}
	if c.Failures > 0 {
		u.failures.Add(c.Failures)
	}
}

// count adds a call that ended with err to what the present use of in costs.
func (f *Filter) count(in *instance, err error) {
	if broken(err) {
		in.cost.Failures++
	}
	in.cost.Calls++
	in.cost.Fuel += in.fuelUsed
	in.cost.Upkeep += in.upkeep
	in.fuelUsed, in.upkeep = 0, 0
}
