package devserver

import (
	"net/netip"
	"testing"
)

func TestDialable(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:8443": "127.0.0.1:8443", "0.0.0.0:1": "127.0.0.1:1", "[::]:1": "127.0.0.1:1",
		"[::1]:1": "[::1]:1", "[::ffff:127.0.0.1]:1": "127.0.0.1:1", "192.0.2.1:1": "192.0.2.1:1",
	} {
		if got := dialable(netip.MustParseAddrPort(addr)); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
