package hubclient

import (
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"

	"weir/hub/internal/outbox"
	"weir/hub/internal/placement"
	"weir/proto/linkpb"
)

// adopt makes a new session one that requests use, and serves it until it is lost.
func (c *Client) adopt(s *session) {
	c.mu.Lock()
	if c.shut || c.sessions[s.node] != nil {
		c.mu.Unlock()
		s.close(nil)
		return
	}
	c.numbers++
	s.number = c.numbers
	c.sessions[s.node] = s
	if c.home == nil {
		c.home = s
	}
	c.tasks.Go(func() { c.serve(s) })
	c.settled()
	c.log.Info("connected to a node of the hub", "node", s.node, "hub", s.address(), "agent", s.agent)
}

// serve runs a session, and then deals with its loss.
func (c *Client) serve(s *session) {
	err := s.run(c.running)
	if c.running.Err() == nil {
		c.log.Warn("a node of the hub is lost", "node", s.node, "hub", s.address(), "reason", err)
	}
	c.mu.Lock()
	delete(c.sessions, s.node)
	c.routes.Forget(s.node)
	if c.home == s {
		c.home = c.nextHome()
	}
	c.box.Lost(time.Now(), s.number, err)
	c.settled()
}

// nextHome returns a session for control requests. mu is held.
func (c *Client) nextHome() *session {
	var all []*session
	for _, s := range c.sessions {
		if s.local != nil {
			return s
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil
	}
	return all[rand.N(len(all))] // not all clients the same
}

// learn takes what a node says about who leads what.
func (c *Client) learn(s *session, table *linkpb.Routes) {
	c.mu.Lock()
	if c.sessions[s.node] != s {
		c.mu.Unlock()
		return
	}
	c.routes.Learn(s.node, table)
	c.settled()
}

// settled brings everything up to date after a change of sessions or routes. mu is held, and released.
func (c *Client) settled() {
	now := time.Now()
	c.box.SetShards(now, c.routes.Shards())
	for shard := placement.Shard(1); shard <= placement.Shard(c.routes.Shards()); shard++ {
		node, term := c.routes.Leader(shard.Group())
		var number outbox.Session
		if s := c.sessions[node]; s != nil {
			number = s.number
		}
		c.box.SetLeader(now, shard, number, term)
	}
	c.tend()
	c.metrics.nodes.Set(float64(len(c.sessions)))
	c.metrics.up.Set(boolGauge(c.home != nil))
	close(c.changed)
	c.changed = make(chan struct{})
	c.due = time.Time{} // what is pinned to a former leader is looked at
	c.act()
	c.signal()
}

// tend sees to it that somebody keeps a session up to each node that is known, and to no other. mu is held.
func (c *Client) tend() {
	if c.shut {
		return
	}
	addresses := c.routes.Addresses()
	if len(addresses) == 0 {
		return // all that told are lost
	}
	for node, addr := range addresses {
		if !dialable(addr) || c.keepers[node] != nil || (c.cfg.Local != nil && c.cfg.Local.Node == node) {
			continue
		}
		ctx, cancel := context.WithCancel(c.running)
		c.keepers[node] = cancel
		c.tasks.Go(func() { c.keepUp(ctx, node) })
	}
	for node, cancel := range c.keepers {
		if _, known := addresses[node]; known {
			continue
		}
		cancel()
		delete(c.keepers, node)
		if s := c.sessions[node]; s != nil { // it has left the region
			s.close(nil)
		}
	}
}

// dialable reports whether an address can be one of another machine: a node that listens everywhere and was not told what
// to say of itself gives the address that it listens on.
func dialable(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && host != "" && (ip == nil || !ip.IsUnspecified())
}

// all returns all sessions, in the order of their nodes' names.
func (c *Client) all() []*session {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*session
	for _, s := range c.sessions {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *session) int { return strings.Compare(a.node, b.node) })
	return all
}
