package edgeclient

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	var b backoff
	bound := firstBackoff
	for i := range 20 {
		if wait := b.next(0, 0); wait < 0 || wait >= bound {
			t.Errorf("failure %d: waits %s, less than %s is allowed", i, wait, bound)
		}
		bound = min(2*bound, lastBackoff)
	}
	if wait := b.next(stable, 0); wait != 0 {
		t.Errorf("after a session that stood: waits %s", wait)
	}
	if wait := b.next(0, 0); wait >= firstBackoff {
		t.Errorf("begins anew with %s", wait)
	}
	for range 100 {
		if wait := b.next(stable, 4*time.Second); wait < 4*time.Second || wait > 6*time.Second {
			t.Errorf("asked to wait 4 s, waits %s", wait)
		}
	}
	if wait := b.next(0, 1000*time.Hour); wait > 2*maxRetryAfter {
		t.Errorf("waits %s because a server asks for it", wait)
	}
}
