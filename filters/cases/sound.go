package cases

import (
	"context"
	"fmt"
	"slices"

	"weir/filters"
)

// checkKeys holds a filter with routing keys to what it promises by them (ABI.md, "Functions"): where it matches, the event
// has a key that the group wants. Every event of the table is tried with the params of every case, as a host may ask
// the filter about any event and group that share a key, and about no others.
func checkKeys(ctx context.Context, f *filters.Filter, runs []*run) {
	if !slices.Contains(f.Manifest().Abilities, filters.AbilityKeys) {
		return
	}
	var set filters.Set
	var groups []*run // by slot
	for _, r := range runs {
		if r.prepared != nil {
			set.Add(r.prepared)
			groups = append(groups, r)
		}
	}
	for _, r := range runs {
		if r.event != nil {
			r.checkKeys(ctx, &set, groups)
		}
	}
}

// checkKeys tries the case's event, up to the first difference. A match that fails is reported where a case expects one.
func (r *run) checkKeys(ctx context.Context, set *filters.Set, groups []*run) {
	verdicts := filters.NewBitmap(set.Slots())
	if r.filter.Match(ctx, r.event, set, verdicts) != nil || verdicts.Count() == 0 {
		return
	}
	keys, err := r.filter.Keys(ctx, r.event, nil)
	if err != nil {
		r.differ("keys", "routing keys of an event that matches", describe(err))
		return
	}
	for slot, group := range groups {
		if !verdicts.Get(slot) {
			continue
		}
		interest, err := r.filter.Interest(ctx, group.prepared, nil)
		if err != nil {
			r.differ("interest", fmt.Sprintf("routing keys of the params of %q", group.want.Name), describe(err))
			return
		}
		if len(filters.SharedKeys(keys, interest)) == 0 {
			r.differ("keys", fmt.Sprintf("one that the params of %q want, as the event matches them: %s", group.want.Name, hex(interest)), hex(keys))
			return
		}
	}
}

// hex writes routing keys as tables have them.
func hex(keys []uint64) string { return fmt.Sprintf("%#x", keys) }
