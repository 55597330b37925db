package filters

import "time"

// A thread is one of an annex's. Guests on it call its methods.
type thread struct {
	pace *pace
	// When the present guest was last known to run: by the clock, and by the time that the thread has run.
	clock, own time.Time
}

// begin is called when a guest begins to run, or goes on after it has waited for something else than a processor.
func (t *thread) begin() { t.clock, t.own = time.Now(), threadTime() }

// breathe has the guest rest if it is time to.
func (t *thread) breathe() {
	clock, own := time.Now(), threadTime()
	ran := own.Sub(t.own)
	rest := t.pace.after(ran, clock.Sub(t.clock)-ran)
	t.clock, t.own = clock, own
	if rest > 0 {
		restThread(rest)
		t.begin()
	}
}
