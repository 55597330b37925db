// Package page serves the HTTP address of "weir dev": the demo page, the browser SDK, how to connect, and, for tools
// without certificates, sessions by WebSocket and the server API.
package page

import (
	"encoding/json"
	"net/http"
)

// ConnectPath is where a page asks how to connect.
const ConnectPath = "/.well-known/weir"

// A Connection tells the browser SDK how to connect. Pages ask again before the token expires.
type Connection struct {
	// URL of the edge, by WebTransport.
	URL string `json:"url"`
	// WebSocketURL is for browsers and networks without WebTransport.
	WebSocketURL string `json:"websocketUrl"`
	// CertificateHashes are the SHA-256 of the certificates that the edge may show, in hexadecimal.
	CertificateHashes []string `json:"certificateHashes"`
	Token             string   `json:"token"`
}

// sessionPath is where clients open sessions by WebSocket, as SPEC.md has it.
const sessionPath = "/weir"

// Config says what the address serves.
type Config struct {
	// Connection returns what a page needs; WebSocketURL is filled in here.
	Connection func() (Connection, error)
	// Browser serves the page and /weir.js.
	Browser http.Handler
	// Session serves sessions by WebSocket.
	Session http.Handler
	// API serves the server API, below each of APIPaths.
	API      http.Handler
	APIPaths []string
}

// Handler serves the address to this machine alone. Pages that other servers on this machine serve may connect; the server
// API is for the server's own pages and for tools.
func Handler(cfg Config) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+ConnectPath, guardLocal(connect(cfg)))
	mux.Handle(sessionPath, guardLocal(cfg.Session))
	for _, path := range cfg.APIPaths {
		mux.Handle(path, guard(cfg.API))
	}
	mux.Handle("/", guardLocal(cfg.Browser))
	return mux
}

func connect(cfg Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connection, err := cfg.Connection()
		if err != nil {
			http.Error(w, "can't make a token", http.StatusInternalServerError)
			return
		}
		// By the name that the page itself was opened with, so that its origin is the socket's.
		connection.WebSocketURL = "ws://" + r.Host + sessionPath
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(connection) // fails only when the page is gone
	})
}
