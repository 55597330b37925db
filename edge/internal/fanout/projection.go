package fanout

import (
	"google.golang.org/protobuf/proto"

	"weir/filters"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A shower finds what a group is shown of an event. It reuses its buffers, and belongs to one goroutine at a time.
type shower struct {
	guest   []byte // the event as filters read it
	interim []byte // the same as the filter before shows it
	payload []byte // what was shown last
	spare   []byte
}

// projects reports whether any of the terms changes what is shown.
func projects(terms []Term) bool {
	for i := range terms {
		if terms[i].Sieve.Projects {
			return true
		}
	}
	return false
}

// shown returns what a group is shown of e in place of its payload, valid until the next call.
func (w *shower) shown(c *channel, g *group, e *weirpb.Event) ([]byte, error) {
	if !g.projects {
		return e.GetPayload(), nil
	}
	w.guest = filters.AppendEvent(w.guest[:0], c.name, e)
	return w.show(c, g.terms, w.guest, e)
}

// show is shown for who has the event as filters read it already. Filters that project do so in the order of the terms,
// each upon what the one before it shows: what a pinned filter, which comes first, has left out can't come back.
func (w *shower) show(c *channel, terms []Term, guest []byte, e *weirpb.Event) ([]byte, error) {
	payload := e.GetPayload()
	for i := range terms {
		if !terms[i].Sieve.Projects {
			continue
		}
		out, err := w.project(c, &terms[i], guest)
		if err != nil && c.failurePolicy() == weirpb.FailurePolicy_FAILURE_POLICY_OPEN {
			continue
		}
		if err != nil {
			return nil, err
		}
		payload = out
		if projects(terms[i+1:]) {
			interim := proto.CloneOf(e)
			interim.Payload = payload
			w.interim = filters.AppendEvent(w.interim[:0], c.name, interim)
			guest = w.interim
		}
	}
	return payload, nil
}

func (w *shower) project(c *channel, t *Term, guest []byte) ([]byte, error) {
	out, err := []byte(nil), error(errPaused)
	if !t.Paused {
		out, err = t.Sieve.Project(c.ctx, guest, t.Prepared, w.spare[:0])
	}
	if err != nil && t.rescued(c.failurePolicy()) && t.Fallback.Sieve.Projects {
		return w.project(c, t.Fallback, guest)
	}
	if err != nil {
		return nil, err
	}
	w.payload, w.spare = out, w.payload
	return out, nil
}

var errPaused = fault.New(fault.FilterFailed, "the filter is paused")
