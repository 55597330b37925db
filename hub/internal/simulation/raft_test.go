package simulation

import (
	"errors"
	"slices"
	"time"
)

// Times of the model of Raft, some tens of times as fast as the real one's beside the messages.
const (
	heartbeat   = 50 * time.Millisecond
	electionMin = 200 * time.Millisecond
	electionMax = 400 * time.Millisecond
	// lease is how long a leader that hears of no majority goes on believing that it leads.
	lease = 250 * time.Millisecond
)

// Errors of proposals. Only the first is certain.
var (
	errNotLeader = errors.New("not the leader")
	errLeadLost  = errors.New("leadership lost while committing")
)

// A logEntry is one of Raft's log; data is nil for one that a new leader begins its term with.
type logEntry struct {
	term uint64
	data []byte
}

// A peer is a node's part of a Raft group. It is a model of hashicorp/raft: the log, votes and terms are as durable as
// there, elections and replication go by messages that are late or lost, and a leader that is cut off believes in itself
// until its lease is over.
type peer struct {
	w      *world
	member *member
	id     int
	// peers are the group's, by node.
	peers []*peer

	// What survives a crash: index i of the log is log[i-1].
	term uint64
	vote int // -1: none
	log  []logEntry

	// What does not.
	commit    int
	leader    int // of this term; -1: nobody knows
	leading   bool
	votes     map[int]bool
	match     []int
	acked     []time.Time
	heard     time.Time
	patience  time.Duration
	proposals map[int]func(error)
}

func (p *peer) up() bool { return p.member.node.up }

// reset forgets what a crash forgets.
func (p *peer) reset() {
	p.commit, p.leader, p.leading, p.votes, p.proposals = 0, -1, false, nil, map[int]func(error){}
	p.hear()
}

func (p *peer) hear() {
	p.heard, p.patience = p.w.now, p.w.between(electionMin, electionMax)
}

func (p *peer) lastTerm() uint64 {
	if len(p.log) == 0 {
		return 0
	}
	return p.log[len(p.log)-1].term
}

func (p *peer) majority() int { return len(p.peers)/2 + 1 }

// tell sends a message to another peer, if the wire between is whole when it arrives. Both must live as long as that.
func (p *peer) tell(to int, do func(*peer)) {
	other, life, theirs := p.peers[to], p.member.node.life, p.peers[to].member.node.life
	if !p.w.calm && p.w.chance(1) { // Raft's streams are broken off and begun anew
		return
	}
	p.w.after(p.w.hop(), func() {
		if !p.w.cutOff(p.id, to) && other.up() && other.member.node.life == theirs && p.member.node.life == life {
			do(other)
		}
	})
}

// tick is called now and then.
func (p *peer) tick() {
	switch {
	case !p.up():
	case p.leading && !p.held():
		p.stepDown(p.term)
	case p.leading:
		p.replicate()
	case p.w.now.Sub(p.heard) > p.patience:
		p.campaign()
	}
}

// held reports whether a majority has been heard from lately.
func (p *peer) held() bool {
	n := 0
	for i, at := range p.acked {
		if i == p.id || p.w.now.Sub(at) <= lease {
			n++
		}
	}
	return n >= p.majority()
}

func (p *peer) campaign() {
	p.term++
	p.vote, p.leader, p.votes = p.id, -1, map[int]bool{p.id: true}
	p.hear()
	p.member.stirred()
	term, last, lastTerm := p.term, len(p.log), p.lastTerm()
	for i := range p.peers {
		if i != p.id {
			p.tell(i, func(o *peer) { o.asked(p.id, term, last, lastTerm) })
		}
	}
	p.elected()
}

// asked is a request for a vote.
func (p *peer) asked(from int, term uint64, last int, lastTerm uint64) {
	if term > p.term {
		p.stepDown(term)
	}
	fresh := lastTerm > p.lastTerm() || lastTerm == p.lastTerm() && last >= len(p.log)
	grant := term == p.term && (p.vote < 0 || p.vote == from || p.w.bug == votesTwice) && fresh && !p.leading
	if grant {
		p.vote = from
		p.hear()
	}
	now := p.term
	p.tell(from, func(o *peer) {
		switch {
		case now > o.term:
			o.stepDown(now)
		case grant && o.term == term && o.vote == o.id && !o.leading && o.votes != nil:
			o.votes[p.id] = true
			o.elected()
		}
	})
}

func (p *peer) elected() {
	if len(p.votes) < p.majority() {
		return
	}
	p.votes = nil
	p.leading, p.leader = true, p.id
	p.match, p.acked = make([]int, len(p.peers)), make([]time.Time, len(p.peers))
	for i := range p.acked {
		p.acked[i] = p.w.now
	}
	p.propose(nil, func(error) {})
	p.member.ledChanged()
}

// stepDown is called for a term that is not over and that the peer does not lead.
func (p *peer) stepDown(term uint64) {
	if term > p.term {
		p.term, p.vote, p.leader = term, -1, -1
	}
	p.votes = nil
	if p.leading {
		p.leading = false
		p.leader = -1
		p.hear()
		lost := p.proposals
		p.proposals = map[int]func(error){}
		for _, i := range sortedKeys(lost) {
			lost[i](errLeadLost)
		}
		p.member.ledChanged()
	}
	p.member.stirred()
}

// propose appends an entry. failed is called if it is known to have failed, or may have.
func (p *peer) propose(data []byte, failed func(error)) {
	if !p.leading {
		failed(errNotLeader)
		return
	}
	p.log = append(p.log, logEntry{p.term, data})
	p.proposals[len(p.log)] = failed
	p.match[p.id] = len(p.log)
	p.replicate()
	p.advance()
}

func (p *peer) replicate() {
	for i := range p.peers {
		if i != p.id {
			p.offer(i, p.match[i])
		}
	}
}

// offer sends what comes after an index.
func (p *peer) offer(to, after int) {
	m := offer{from: p.id, term: p.term, after: after, entries: slices.Clone(p.log[after:]), commit: p.commit}
	if after > 0 {
		m.afterTerm = p.log[after-1].term
	}
	p.tell(to, func(o *peer) { o.offered(m) })
}

// An offer is a leader's message; without entries, a heartbeat.
type offer struct {
	from          int
	term          uint64
	after, commit int
	afterTerm     uint64
	entries       []logEntry
}

func (p *peer) offered(m offer) {
	if m.term < p.term {
		now := p.term
		p.tell(m.from, func(o *peer) {
			if now > o.term {
				o.stepDown(now)
			}
		})
		return
	}
	if m.term > p.term || p.votes != nil {
		p.stepDown(m.term)
	}
	if p.leader != m.from {
		p.leader = m.from
		p.member.stirred()
	}
	p.hear()
	good := m.after <= len(p.log) && (m.after == 0 || p.log[m.after-1].term == m.afterTerm)
	reached := min(m.after-1, len(p.log), p.commit)
	if good {
		for i, e := range m.entries {
			at := m.after + i
			if at < len(p.log) && p.log[at].term == e.term {
				continue
			}
			p.log = append(p.log[:at:at], e)
		}
		reached = m.after + len(m.entries)
		p.committed(min(m.commit, reached))
	}
	p.tell(m.from, func(o *peer) { o.answered(p.id, m.term, good, max(0, reached)) })
}

func (p *peer) answered(from int, term uint64, good bool, reached int) {
	if !p.leading || p.term != term {
		return
	}
	p.acked[from] = p.w.now
	if !good {
		p.offer(from, min(reached, p.match[from]))
		return
	}
	p.match[from] = max(p.match[from], reached)
	p.advance()
}

// advance commits what a majority has, from this term.
func (p *peer) advance() {
	reached := slices.Clone(p.match)
	slices.Sort(reached)
	n := reached[len(reached)-p.majority()]
	if p.w.bug == acksBeforeCommit {
		n = p.match[p.id]
	}
	if n > p.commit && p.log[n-1].term == p.term {
		p.committed(n)
	}
}

func (p *peer) committed(n int) {
	if n > p.commit {
		p.commit = n
		p.member.committed()
	}
}

// transfer asks another peer to stand at once.
func (p *peer) transfer(to int) {
	if p.leading && to != p.id {
		p.tell(to, func(o *peer) {
			if !o.leading && o.up() {
				o.campaign()
			}
		})
	}
}
