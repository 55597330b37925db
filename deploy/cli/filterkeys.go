package cli

import (
	"context"
	"slices"

	"weir/deploy/cli/internal/project"
	"weir/filters"
)

// checkKeys holds a filter with routing keys to what it promises by them, for a project's events and params: where it
// matches, the two share a key. "weir filter test" does the same for tables of both.
func checkKeys(ctx context.Context, f *filters.Filter, prepared []byte, events [][]byte) error {
	if !slices.Contains(f.Manifest().Abilities, filters.AbilityKeys) {
		return nil
	}
	interest, err := f.Interest(ctx, prepared, nil)
	if err != nil {
		return err
	}
	var set filters.Set
	set.Add(prepared)
	verdicts := filters.NewBitmap(set.Slots())
	for i, event := range events {
		if err := f.Match(ctx, event, &set, verdicts); err != nil {
			return err
		}
		keys, err := f.Keys(ctx, event, nil)
		if err != nil {
			return err
		}
		if verdicts.Get(0) && len(filters.SharedKeys(keys, interest)) == 0 {
			return failf("where weir_match says yes, weir_keys and weir_interest must have a key in common, or one of them 0",
				"event %d of events.jsonl matches the params in %s, but has the routing keys %#x, and they want %#x", i+1, project.File, keys, interest)
		}
	}
	return nil
}
