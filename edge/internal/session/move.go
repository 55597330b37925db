package session

import (
	"context"
	"time"

	"weir/proto/fault"
)

// Waits between attempts to move a subscription that can't be moved yet: its new version can't be fetched, or it reads more
// slowly than it is changed.
const (
	moveRetryFirst   = 100 * time.Millisecond
	moveRetryLongest = 5 * time.Second
)

// outdate has the subscription looked at: the versions that serve it may have changed.
func (u *subscription) outdate() {
	u.session.mu.Lock()
	u.outdated = true
	u.session.mu.Unlock()
	u.wake()
}

// move brings the subscription to the versions that serve it now, if they are others: without a reconnect, a loss or a
// duplicate, and with its view made exact. Where a new version does not take its params the old one goes on.
func (u *subscription) move() {
	next := u.choices()
	if next == nil || sameChoices(next, u.terms.choices) {
		return
	}
	moves := u.session.host.cfg.Metrics.FilterMoves
	err := u.moveOnce()
	switch {
	case err == nil:
		moves.WithLabelValues("moved").Inc()
	case u.ctx.Err() != nil:
	case fault.CodeOf(err).Retryable():
		moves.WithLabelValues("retried").Inc()
		u.moveLater()
	default:
		moves.WithLabelValues("refused").Inc()
		u.session.log.Warn("a subscription stays with the version that it has: the new one refuses it",
			"subscription", u.number, "channel", short(u.request.GetChannel()), "err", err)
	}
}

// choices returns what serves the subscription now, nil if that can't be said: a filter is gone, as its tenant will be.
func (u *subscription) choices() []choice {
	state := u.session.host.cfg.Mirror.State()
	all, _ := u.wanted(u.applied)
	choices := make([]choice, 0, len(all))
	for _, ref := range all {
		c, err := u.choose(state, ref)
		if err != nil {
			return nil
		}
		choices = append(choices, c)
	}
	return choices
}

func (u *subscription) moveOnce() error {
	next, err := u.resolve(u.ctx, u.applied)
	if err != nil {
		return err
	}
	if err := u.subscriber.Move(u.ctx, next.list); err != nil {
		next.release()
		return err
	}
	u.terms.release()
	u.terms = next
	u.stand()
	u.moveWait = 0
	return nil
}

// moveLater waits before another attempt, until there is something else to do.
func (u *subscription) moveLater() {
	u.moveWait = min(max(2*u.moveWait, moveRetryFirst), moveRetryLongest)
	ctx, cancel := context.WithTimeout(u.ctx, u.moveWait)
	defer cancel()
	s := u.session
	s.mu.Lock()
	u.outdated = true
	if u.leaving || len(u.changes) > 0 {
		s.mu.Unlock()
		return
	}
	u.urge = cancel
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	u.urge = nil
	s.mu.Unlock()
}
