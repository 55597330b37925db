package region

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A group is what "weir hub status" says of one.
type group struct {
	Group   uint32 `json:"group"`
	Leader  string `json:"leader"`
	Members []struct {
		Node string `json:"node"`
	} `json:"members"`
}

func (r *Region) groups(ctx context.Context) ([]group, error) {
	out, err := r.Admin(ctx, r.Nodes[0], "hub", "status", "--json")
	if err != nil {
		return nil, err
	}
	var status struct {
		Groups []group `json:"groups"`
	}
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		return nil, fmt.Errorf("weir hub status: %w", err)
	}
	return status.Groups, nil
}

// Leaders returns who leads each group that has a leader, by its number; 0 is the control group.
func (r *Region) Leaders(ctx context.Context) (map[uint32]string, error) {
	groups, err := r.groups(ctx)
	if err != nil {
		return nil, err
	}
	leaders := map[uint32]string{}
	for _, g := range groups {
		if g.Leader != "" {
			leaders[g.Group] = g.Leader
		}
	}
	return leaders, nil
}

// without is an error while a node may be a member of any group.
func (r *Region) without(ctx context.Context, node string) error {
	groups, err := r.groups(ctx)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if g.Leader == "" {
			return fmt.Errorf("nobody knows who is in group %d", g.Group)
		}
		for _, m := range g.Members {
			if m.Node == node {
				return fmt.Errorf("group %d still counts %s", g.Group, node)
			}
		}
	}
	return nil
}

// Balanced waits until no node leads two groups more than another.
func (r *Region) Balanced(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	return repeat(ctx, func() error {
		leaders, err := r.Leaders(ctx)
		if err == nil && !r.balanced(leaders) {
			err = fmt.Errorf("the leads are not spread: %v", leaders)
		}
		return err
	})
}

// repeat calls f until it succeeds. The error has f's last one.
func repeat(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
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
