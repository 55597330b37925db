package fanout

import (
	"crypto/sha256"
	"slices"

	"weir/edge/internal/sieve"
)

// A trial is a shadow beside the version that decides, with equal params: both are asked about every live event. Groups with
// the same two share it.
type trial struct {
	term                 *Term // has the shadow
	live, shadow         *evaluator
	liveSlot, shadowSlot int
	groups               int
	sample               string // names the params in samples
}

// trials are those of a panel, in the order in which they began.
type trials []*trial

// try begins the trials of a group, or joins them.
func (p *panel) try(terms []Term) []*trial {
	var all []*trial
	for i := range terms {
		t := &terms[i]
		if t.Shadow == nil || t.Paused || t.Shadow.Paused {
			continue
		}
		made := &trial{term: t, groups: 1}
		made.live, made.liveSlot = p.take(t)
		made.shadow, made.shadowSlot = p.take(t.Shadow)
		if same := p.sameTrial(made); same != nil {
			p.give(made.live, t)
			p.give(made.shadow, t.Shadow)
			same.groups++
			made = same
		} else {
			digest := sieve.Digest(sha256.Sum256(t.Prepared))
			made.sample = digest.String()
			p.trials = append(p.trials, made)
		}
		all = append(all, made)
	}
	return all
}

func (p *panel) sameTrial(t *trial) *trial {
	i := slices.IndexFunc(p.trials, func(o *trial) bool {
		return o.live == t.live && o.liveSlot == t.liveSlot && o.shadow == t.shadow && o.shadowSlot == t.shadowSlot
	})
	if i < 0 {
		return nil
	}
	return p.trials[i]
}

// endTrials is the reverse of try.
func (p *panel) endTrials(all []*trial) {
	for _, t := range all {
		if t.groups--; t.groups > 0 {
			continue
		}
		p.give(t.live, t.term)
		p.give(t.shadow, t.term.Shadow)
		p.trials = slices.DeleteFunc(p.trials, func(o *trial) bool { return o == t })
	}
}

// compare asks the shadows about the event at hand, and notes where they differ from what decides. Nobody is shown that.
func (p *panel) compare() {
	for _, t := range p.trials {
		live, shadow := p.said(t.live, t.liveSlot), p.said(t.shadow, t.shadowSlot)
		if p.channel.ctx.Err() != nil {
			return // calls may have been cut short
		}
		differences := &t.shadow.sieve.Differences
		differences.Compared.Add(1)
		if live.String() != shadow.String() {
			differences.Note(sieve.Difference{
				Channel: p.channel.name, Epoch: p.channel.head.epoch, Offset: p.event.GetOffset(),
				Group: t.sample, Live: live.String(), LiveVersion: t.live.sieve.ID.Version, Shadow: shadow.String(),
			})
		}
	}
}

// String returns the verdict as it is reported.
func (v verdict) String() string {
	return [...]string{held: "held", match: "match", failed: "failed", starved: "failed"}[v]
}
