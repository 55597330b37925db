package fanout

import "weir/proto/weirpb"

// skipsUntilTold is after how many events held back a group's subscribers are told, if not sooner (tick).
const skipsUntilTold = 1000

// variants are the encodings of one event that groups share: those that see it as it is.
type variants [weirpb.ItemKind_ITEM_KIND_LEAVE + 1][]byte

// plain returns the event at hand as an item of a kind, encoded once.
func (c *channel) plain(kind weirpb.ItemKind, e *weirpb.Event) []byte {
	if c.variants[kind] == nil {
		c.variants[kind] = encodeItem(kind, e, e.GetPayload())
	}
	return c.variants[kind]
}

// itemFor returns what a group is shown, and match, or why it is shown nothing: its projection failed.
func (c *channel) itemFor(g *group, kind weirpb.ItemKind, e *weirpb.Event) (item []byte, v verdict) {
	if !g.projects || kind == weirpb.ItemKind_ITEM_KIND_LEAVE {
		return c.plain(kind, e), match
	}
	payload, err := c.shower.show(c, g.terms, c.panel.asGuest(), e)
	if err != nil {
		return nil, undecidedBy(err)
	}
	return encodeItem(kind, e, payload), match
}

// stepLog decides about one event of a log channel for all groups. mu is held.
func (c *channel) stepLog(e *weirpb.Event) {
	c.panel.begin(e)
	c.variants = variants{}
	said := c.counted.said()
	for _, g := range c.panel.decide() {
		if g.verdict == match {
			g.item, g.verdict = c.itemFor(g, weirpb.ItemKind_ITEM_KIND_EVENT, e)
		}
		c.counted.verdict(g.verdict)
		c.touched = append(c.touched, g)
	}
	c.counted.held += uint64(len(c.groups)) - (c.counted.said() - said)
	c.panel.compare()
	c.commit(e)
	if e.GetOffset() != 0 {
		c.recent.push(e)
	}
}

// stepState decides about one event of a state channel for all groups: what a key was to a group, as its bitset says, and
// what it is now make ENTER, UPDATE or LEAVE. A filter that fails can't show that the key matches, so it does not. mu is
// held.
func (c *channel) stepState(e *weirpb.Event) {
	c.panel.begin(e)
	c.variants = variants{}
	said := c.counted.said()
	i, known := c.keys.find(e.GetKey())
	var found []*group
	if !e.GetTombstone() {
		i, known = c.keys.put(e), true
		found = c.panel.decide()
	}
	if known {
		c.leave(i, e)
	}
	for _, g := range found {
		c.stepKey(g, i, e)
	}
	c.counted.held += uint64(len(c.groups)) - (c.counted.said() - said)
	if e.GetTombstone() {
		c.keys.remove(e.GetKey())
	} else {
		c.panel.compare()
	}
	c.commit(e)
}

// leave tells the groups whose views have had the key and from which the event at hand is held back. mu is held.
func (c *channel) leave(i int, e *weirpb.Event) {
	c.holders.sift(i, func(first int) (kept bool) {
		for _, g := range c.groups[min(first, len(c.groups)):min(first+blockGroups, len(c.groups))] {
			switch {
			case !g.matches.has(i):
			case g.verdict == held:
				c.drop(g, i, e)
			default:
				kept = true // for now
			}
		}
		return kept
	})
}

// drop takes a key out of a group's view. mu is held.
func (c *channel) drop(g *group, i int, e *weirpb.Event) {
	g.matches.remove(i)
	g.item = c.plain(weirpb.ItemKind_ITEM_KIND_LEAVE, e)
	c.touched = append(c.touched, g)
}

// stepKey shows the event at hand to a group from which it is not held back. mu is held.
func (c *channel) stepKey(g *group, i int, e *weirpb.Event) {
	was := g.matches.has(i)
	if g.verdict == match {
		kind := weirpb.ItemKind_ITEM_KIND_ENTER
		if was {
			kind = weirpb.ItemKind_ITEM_KIND_UPDATE
		}
		var v verdict
		if g.item, v = c.itemFor(g, kind, e); v == match {
			c.counted.match++
			g.matches.add(i)
			c.holders.add(i, g.index)
			c.touched = append(c.touched, g)
			return
		}
	}
	c.counted.failed++
	g.verdict = held
	if was {
		c.drop(g, i, e)
	}
}

// commit publishes what was decided about the event at hand. Readers see all of it or nothing. mu is held.
func (c *channel) commit(e *weirpb.Event) {
	if c.ctx.Err() != nil {
		return // the channel ends, and filters may have been cut short: their silence is no verdict
	}
	logged := e.GetOffset() != 0
	size := uint64(len(e.GetPayload()))
	c.pub.Lock()
	if logged {
		c.head.offset = e.GetOffset()
	}
	for i, g := range c.touched {
		c.publish(g, logged, size)
		g.verdict = held
		c.touched[i] = nil
	}
	if logged {
		c.head.events++
		c.head.bytes += size
	}
	c.pub.Unlock()
	c.touched = c.touched[:0]
	c.counted.events++
	c.remind()
}

// remind has groups told that were told nothing for about skipsUntilTold events. To look at all of them is rare, as it takes
// in those that are due soon. mu is held.
func (c *channel) remind() {
	if c.head.events-c.told < skipsUntilTold {
		return
	}
	c.told = c.head.events
	for _, g := range c.groups {
		if c.head.events-g.told >= skipsUntilTold*9/10 {
			c.mark(g)
		} else {
			c.told = min(c.told, g.told)
		}
	}
}

// publish puts what the event at hand is to a group into its ring. mu and pub are held; the head's totals are still those
// before the event.
func (c *channel) publish(g *group, logged bool, size uint64) {
	if g.verdict.undecided() && !logged {
		return // an ephemeral event has no place that could be missing
	}
	g.ring.push(entry{
		item: g.item, offset: c.head.offset, held: g.heldBack(c.head.totals),
		logged: logged, verdict: g.verdict,
	}, g)
	g.item = nil
	if logged {
		g.taken.events++
		g.taken.bytes += size
	}
	c.mark(g)
}
