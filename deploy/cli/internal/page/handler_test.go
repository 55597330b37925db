package page

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

func named(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Served-By", name) })
}

func testHandler() http.Handler {
	return Handler(Config{
		Connection: func() (Connection, error) {
			return Connection{URL: "https://127.0.0.1:8443", CertificateHashes: []string{"ab"}, Token: "secret"}, nil
		},
		Browser: named("browser"), Session: named("session"), API: named("api"), APIPaths: []string{"/weir.v1.EventService/"},
	})
}

func TestRoutes(t *testing.T) {
	for path, want := range map[string]string{
		"/": "browser", "/weir.js": "browser", "/weir": "session", "/weir.v1.EventService/Publish": "api",
	} {
		w := httptest.NewRecorder()
		testHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080"+path, nil))
		if got := w.Header().Get("Served-By"); got != want {
			t.Errorf("%s is served by %q, want %q", path, got, want)
		}
	}
}

func TestConnection(t *testing.T) {
	w := httptest.NewRecorder()
	testHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost:8080"+ConnectPath, nil))
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v in %q", err, w.Body)
	}
	if got["websocketUrl"] != "ws://localhost:8080/weir" || got["url"] != "https://127.0.0.1:8443" || got["token"] != "secret" {
		t.Errorf("connection %v", got)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Error("a token may be cached")
	}
}

func TestConnectionWithoutToken(t *testing.T) {
	h := Handler(Config{
		Connection: func() (Connection, error) { return Connection{}, errors.New("no key") },
		Browser:    named("browser"), Session: named("session"), API: named("api"), APIPaths: []string{"/weir.v1.EventService/"},
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost:8080"+ConnectPath, nil))
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d", w.Code)
	}
}

func TestStrangersGetNothing(t *testing.T) {
	for _, test := range []struct {
		name   string
		host   string
		local  string
		header http.Header
		want   int
	}{
		{"loopback address", "127.0.0.1:8080", "127.0.0.1", nil, http.StatusOK},
		{"other loopback address", "127.1.2.3", "127.1.2.3", nil, http.StatusOK},
		{"loopback name", "LOCALHOST:8080", "127.0.0.1", nil, http.StatusOK},
		{"loopback IPv6", "[::1]:8080", "::1", nil, http.StatusOK},
		{"rebound name", "evil.example:8080", "127.0.0.1", nil, http.StatusForbidden},
		{"rebound name that looks local", "localhost.evil.example", "127.0.0.1", nil, http.StatusForbidden},
		{"no host", "", "127.0.0.1", nil, http.StatusForbidden},
		{"address it listens on", "192.0.2.1:8080", "192.0.2.1", nil, http.StatusOK},
		{"another address", "192.0.2.2:8080", "192.0.2.1", nil, http.StatusForbidden},
		{"own page", "127.0.0.1:8080", "127.0.0.1", http.Header{"Origin": {"http://127.0.0.1:8080"}, "Sec-Fetch-Site": {"same-origin"}}, http.StatusOK},
		{"foreign page", "127.0.0.1:8080", "127.0.0.1", http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden},
		{"page of a local server", "127.0.0.1:8080", "127.0.0.1", http.Header{"Origin": {"http://localhost:5173"}, "Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"cors"}}, http.StatusOK},
		{"page that looks local", "127.0.0.1:8080", "127.0.0.1", http.Header{"Origin": {"http://localhost.evil.example:5173"}}, http.StatusForbidden},
		{"page of the neighbour", "127.0.0.1:8080", "127.0.0.1", http.Header{"Origin": {"http://192.0.2.9:5173"}}, http.StatusForbidden},
		{"page from a file", "127.0.0.1:8080", "127.0.0.1", http.Header{"Origin": {"null"}, "Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"cors"}}, http.StatusForbidden},
		{"sandboxed page", "127.0.0.1:8080", "127.0.0.1", http.Header{"Origin": {"null"}}, http.StatusForbidden},
		{"foreign image", "127.0.0.1:8080", "127.0.0.1", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}}, http.StatusForbidden},
		{"link", "127.0.0.1:8080", "127.0.0.1", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}}, http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "http://placeholder"+ConnectPath, nil)
			r.Host = test.host
			for name, values := range test.header {
				r.Header[name] = values
			}
			local := &net.TCPAddr{IP: net.ParseIP(test.local), Port: 8080}
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
			w := httptest.NewRecorder()
			testHandler().ServeHTTP(w, r)
			if w.Code != test.want {
				t.Errorf("status %d, want %d", w.Code, test.want)
			}
		})
	}
}

func TestPagesOfLocalServers(t *testing.T) {
	for path, want := range map[string]int{
		ConnectPath: http.StatusOK, "/weir.js": http.StatusOK, "/weir": http.StatusOK,
		"/weir.v1.EventService/Publish": http.StatusForbidden,
	} {
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080"+path, nil)
		r.Header.Set("Origin", "http://localhost:5173")
		w := httptest.NewRecorder()
		testHandler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s answers a local page with %d, want %d", path, w.Code, want)
		}
		if got := w.Header().Get("Access-Control-Allow-Origin"); want == http.StatusOK && got != "http://localhost:5173" {
			t.Errorf("%s may be read by pages of %q", path, got)
		}
	}
}
