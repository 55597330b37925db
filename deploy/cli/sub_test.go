package cli

import (
	"testing"
	"time"

	"weir/edge/edgeclient"
)

func TestPeopleAreToldOfSkipsOnceASecond(t *testing.T) {
	var sum skipSum
	at := time.Unix(1000, 0)
	for _, step := range []struct {
		after   time.Duration
		skipped uint64
		told    uint64 // 0: not told
	}{
		{0, 3, 3},
		{500 * time.Millisecond, 2, 0},
		{499 * time.Millisecond, 4, 0},
		{time.Millisecond, 1, 7},
		{time.Second, 5, 5},
	} {
		at = at.Add(step.after)
		message := edgeclient.Message{Type: edgeclient.Skip, Skipped: step.skipped}
		if due := sum.due(&message, at); due != (step.told > 0) || due && message.Skipped != step.told {
			t.Errorf("at %s: told %t of %d, want %d", at, due, message.Skipped, step.told)
		}
	}
}
