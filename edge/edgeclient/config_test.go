package edgeclient

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfigRefuses(t *testing.T) {
	source := func(context.Context) (string, error) { return "token", nil }
	for name, cfg := range map[string]Config{
		"no URL":               {Token: "t"},
		"plain HTTP":           {URL: "http://relay.example", Token: "t"},
		"no host":              {URL: "https://", Token: "t"},
		"a query":              {URL: "https://relay.example/?token=t", Token: "t"},
		"a user":               {URL: "https://me:secret@relay.example", Token: "t"},
		"not a URL":            {URL: "https://%zz", Token: "t"},
		"a WebSocket by HTTP":  {URL: "https://relay.example", WebSocketURL: "https://relay.example", Token: "t"},
		"no token":             {URL: "https://relay.example"},
		"two tokens":           {URL: "https://relay.example", Token: "t", TokenSource: source},
		"an unknown transport": {URL: "https://relay.example", Token: "t", Transports: []string{"pigeon"}},
		"a transport twice":    {URL: "https://relay.example", Token: "t", Transports: []string{WebSocket, WebSocket}},
		"a negative bound":     {URL: "https://relay.example", Token: "t", MaxPending: -1},
		"half a hash":          {URL: "https://relay.example", Token: "t", CertificateHashes: []string{"abcd"}},
		"many hashes":          {URL: "https://relay.example", Token: "t", CertificateHashes: make([]string, 65)},
		"no CA file":           {URL: "https://relay.example", Token: "t", CAFile: filepath.Join(t.TempDir(), "none")},
		"an empty CA file":     {URL: "https://relay.example", Token: "t", CAFile: os.DevNull},
	} {
		c, err := New(cfg)
		if err == nil {
			c.Close()
			t.Errorf("%s: accepted", name)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestURLs(t *testing.T) {
	for _, test := range []struct{ url, socket, wantWeb, wantSocket string }{
		{"https://relay.example", "", "https://relay.example/weir", "wss://relay.example/weir"},
		{"https://relay.example:8443/", "", "https://relay.example:8443/weir", "wss://relay.example:8443/weir"},
		{"https://relay.example/a", "", "https://relay.example/a", "wss://relay.example/a"},
		{"https://[::1]:8443", "ws://127.0.0.1:8080", "https://[::1]:8443/weir", "ws://127.0.0.1:8080/weir"},
		{"https://relay.example", "wss://socket.example/b", "https://relay.example/weir", "wss://socket.example/b"},
	} {
		cfg := Config{URL: test.url, WebSocketURL: test.socket, Token: "t"}
		if err := cfg.validate(); err != nil {
			t.Errorf("%+v: %v", test, err)
		}
		if got := cfg.webTransportURL(); got != test.wantWeb {
			t.Errorf("WebTransport at %s, want %s", got, test.wantWeb)
		}
		if got := cfg.webSocketURL(); got != test.wantSocket {
			t.Errorf("WebSocket at %s, want %s", got, test.wantSocket)
		}
	}
}
