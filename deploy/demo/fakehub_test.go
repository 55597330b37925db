package demo

import (
	"context"
	"slices"
	"sync"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A fakeHub keeps the state of one channel and dedupes as a hub does. It answers after a delay, from another goroutine,
// in order.
type fakeHub struct {
	delay time.Duration

	mu sync.Mutex
	// state maps keys to payloads.
	state map[string]string
	// sequences maps producers to the last sequence number accepted.
	sequences map[string]uint64
	// accepted are the publications taken, in order, with the time of each.
	accepted []accepted
	// refuse, if set, may refuse a publication before anything else is looked at.
	refuse func(p *weirpb.Publication) error
	// stateFaults are what the next calls of State return.
	stateFaults []error
	// duplicates counts publications that had been accepted before.
	duplicates int
	answering  sync.WaitGroup
}

type accepted struct {
	at time.Time
	p  *weirpb.Publication
}

func newFakeHub() *fakeHub {
	return &fakeHub{delay: time.Millisecond, state: map[string]string{}, sequences: map[string]uint64{}}
}

func (h *fakeHub) Publish(_ string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) {
	err := h.take(p)
	h.answering.Go(func() {
		time.Sleep(h.delay) // virtual: within a synctest bubble
		done(&weirpb.Receipt{}, err)
	})
}

func (h *fakeHub) take(p *weirpb.Publication) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuse != nil {
		if err := h.refuse(p); err != nil {
			return err
		}
	}
	last := h.sequences[p.Producer]
	if p.Sequence > last+1 {
		return fault.New(fault.SequenceGap, "%d is missing", last+1)
	}
	if p.Sequence <= last {
		h.duplicates++
		return nil
	}
	h.sequences[p.Producer] = p.Sequence
	h.accepted = append(h.accepted, accepted{time.Now(), p})
	if p.Tombstone {
		delete(h.state, p.Key)
	} else {
		h.state[p.Key] = string(p.Payload)
	}
	return nil
}

func (h *fakeHub) State(_ context.Context, r *weirpb.StateRequest) (*weirpb.StateResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.stateFaults) > 0 {
		err := h.stateFaults[0]
		h.stateFaults = h.stateFaults[1:]
		return nil, err
	}
	page := &weirpb.StateResponse{}
	for _, key := range h.keysLocked() {
		if key <= r.AfterKey {
			continue
		}
		if len(page.Events) == 10 { // small, so that tests turn pages
			page.More = true
			break
		}
		page.Events = append(page.Events, &weirpb.Event{Key: key})
	}
	return page, nil
}

func (h *fakeHub) keys() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.keysLocked()
}

func (h *fakeHub) keysLocked() []string {
	keys := make([]string, 0, len(h.state))
	for key := range h.state {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// taken returns what has been accepted since the given number of publications.
func (h *fakeHub) taken(since int) []accepted {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.accepted[since:])
}

func (h *fakeHub) setRefuse(refuse func(*weirpb.Publication) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refuse = refuse
}
