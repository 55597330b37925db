package cli

import (
	"context"
	"slices"

	"weir/filters"
)

// A fuelView is how much fuel a filter's typical events take: what a tenant is limited by, the same on every machine.
type fuelView struct {
	// Least and Most are for one of the events and one group.
	Least uint64 `json:"least"`
	Most  uint64 `json:"most"`
	// Group is for each further group, at most.
	Group uint64 `json:"group"`
}

// fuelGroups is how many further groups a measurement is taken with.
const fuelGroups = 100

// measureFuel decides about each event, for one group and for many.
func measureFuel(ctx context.Context, f *filters.Filter, prepared []byte, events [][]byte) (*fuelView, error) {
	spent := func(event []byte, groups int) (uint64, error) {
		var set filters.Set
		for range groups {
			set.Add(prepared)
		}
		before := f.Usage().Fuel
		err := f.Match(ctx, event, &set, filters.NewBitmap(groups))
		return f.Usage().Fuel - before, err
	}
	var single []uint64
	view := &fuelView{}
	for _, event := range events {
		one, err := spent(event, 1)
		if err != nil {
			return nil, err
		}
		many, err := spent(event, 1+fuelGroups)
		if err != nil {
			return nil, err
		}
		single = append(single, one)
		view.Group = max(view.Group, (many-min(one, many)+fuelGroups-1)/fuelGroups)
	}
	view.Least, view.Most = slices.Min(single), slices.Max(single)
	return view, nil
}
