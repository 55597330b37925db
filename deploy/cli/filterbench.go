package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"weir/filters"
	"weir/filters/cases"
)

// filterBench is "weir filter bench".
type filterBench struct {
	Events string        `help:"File of events, one of JSON a line. By default the project's events.jsonl." type:"path" placeholder:"FILE"`
	Params string        `short:"p" help:"Params of all groups. By default those in weir.yaml." placeholder:"JSON"`
	For    time.Duration `help:"How long to measure each number of groups." default:"300ms" placeholder:"DURATION"`
	JSON   bool          `help:"Print a JSON object a line."`
	projectFlag
}

func (filterBench) Help() string {
	return `Measures how long a decision takes: one event for one group of subscribers with equal params. An edge asks about all groups
in one call, so the more there are the less each costs.

Examples:

    weir filter bench
    weir filter bench --events trades.jsonl --params '{"min":1000}' --for 2s`
}

// benchGroups are the numbers of groups that are measured.
var benchGroups = [...]int{1, 100, 1000}

// A benchView is one measurement in JSON.
type benchView struct {
	Groups int `json:"groups"`
	// Nanoseconds for an event and a group, and for an event and all groups.
	NsPerDecision float64 `json:"ns_per_decision"`
	NsPerEvent    float64 `json:"ns_per_event"`
	// Matches is the share of decisions that let an event through.
	Matches float64 `json:"matches"`
}

func (c *filterBench) Run(ctx context.Context, con *console, log *slog.Logger) error {
	if c.For <= 0 {
		return usagef("", "--for must be positive")
	}
	p, err := c.load()
	if err != nil {
		return err
	}
	path := firstNonEmpty(c.Events, p.Path("events.jsonl"))
	events, err := readEvents(path)
	if err != nil {
		return err
	}
	module, err := fresh(ctx, p, con)
	if err != nil {
		return err
	}
	filter, err := openLocal(ctx, module, log)
	if err != nil {
		return err
	}
	defer filter.close() // nothing to be told after a failure
	prepared, err := filter.Prepare(ctx, []byte(firstNonEmpty(c.Params, string(p.Params))))
	if err != nil {
		return err
	}
	list := listing{header: []string{"GROUPS", "NS PER DECISION", "NS PER EVENT", "MATCHES"}}
	for _, groups := range benchGroups {
		view, err := c.measure(ctx, filter.Filter, prepared, events, groups)
		if err != nil {
			return err
		}
		list.add(view, fmt.Sprint(groups), fmt.Sprintf("%.1f", view.NsPerDecision), fmt.Sprintf("%.0f", view.NsPerEvent),
			fmt.Sprintf("%.0f %%", 100*view.Matches))
	}
	return list.print(con, c.JSON)
}

// readEvents returns encoded events.
func readEvents(path string) ([][]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("--events names a file with events, one of JSON a line", "can't read the events: %w", err)
	}
	list, err := cases.ParseEvents(text)
	if err != nil {
		return nil, usagef("", "%s: %w", shortPath(path), err)
	}
	if len(list) == 0 {
		return nil, usagef("", "%s has no events", shortPath(path))
	}
	encoded := make([][]byte, len(list))
	for i := range list {
		encoded[i] = list[i].Encode()
	}
	return encoded, nil
}

// measure decides about the events, one after the other and again, for as long as was asked for.
func (c *filterBench) measure(ctx context.Context, f *filters.Filter, prepared []byte, events [][]byte, groups int) (benchView, error) {
	var set filters.Set
	for range groups {
		set.Add(prepared)
	}
	verdicts := filters.NewBitmap(groups)
	round := func() (matches int, err error) {
		for _, event := range events {
			if err := f.Match(ctx, event, &set, verdicts); err != nil {
				return 0, err
			}
			if verdicts.Get(0) {
				matches++
			}
		}
		return matches, ctx.Err()
	}
	matches, err := round() // the first is for warming up
	if err != nil {
		return benchView{}, err
	}
	rounds := 0
	start := time.Now()
	for time.Since(start) < c.For {
		if _, err := round(); err != nil {
			return benchView{}, err
		}
		rounds++
	}
	perEvent := float64(time.Since(start)) / float64(rounds*len(events))
	return benchView{
		Groups: groups, NsPerDecision: perEvent / float64(groups), NsPerEvent: perEvent, Matches: float64(matches) / float64(len(events)),
	}, nil
}
