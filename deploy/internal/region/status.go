package region

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Leaders returns who leads each group that has a leader, by its number; 0 is the control group.
func (r *Region) Leaders(ctx context.Context) (map[uint32]string, error) {
	out, err := r.Admin(ctx, r.Nodes[0], "hub", "status", "--json")
	if err != nil {
		return nil, err
	}
	var status struct {
		Groups []struct {
			Group  uint32 `json:"group"`
			Leader string `json:"leader"`
		} `json:"groups"`
	}
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		return nil, fmt.Errorf("weir hub status: %w", err)
	}
	leaders := map[uint32]string{}
	for _, g := range status.Groups {
		if g.Leader != "" {
			leaders[g.Group] = g.Leader
		}
	}
	return leaders, nil
}

// Balanced waits until no node leads two groups more than another.
func (r *Region) Balanced(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		leaders, err := r.Leaders(ctx)
		if err == nil && r.balanced(leaders) {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the leads are not spread: %v: %w", leaders, ctx.Err()), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (r *Region) balanced(leaders map[uint32]string) bool {
	leads := map[string]int{}
	for _, node := range leaders {
		leads[node]++
	}
	least, most := len(leaders), 0
	for _, n := range r.Nodes {
		least, most = min(least, leads[n.Name]), max(most, leads[n.Name])
	}
	return most-least <= 1
}
