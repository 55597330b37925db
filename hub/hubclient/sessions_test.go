package hubclient

import "testing"

func TestDialable(t *testing.T) {
	for addr, want := range map[string]bool{
		"10.0.0.1:8445": true, "hub-1.internal:8445": true, "[fd00::1]:8445": true, "127.0.0.1:8445": true,
		"0.0.0.0:8445": false, "[::]:8445": false, ":8445": false, "": false, "10.0.0.1": false,
	} {
		if got := dialable(addr); got != want {
			t.Errorf("dialable(%q) = %v", addr, got)
		}
	}
}
