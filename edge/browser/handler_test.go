package browser_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/edge/browser"
)

func get(t *testing.T, path string, header http.Header) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Header = header
	w := httptest.NewRecorder()
	browser.Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestHandlerServesTheSDK(t *testing.T) {
	plain := get(t, "/weir.js", http.Header{})
	body, err := io.ReadAll(plain.Body)
	if err != nil || plain.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", plain.Status, err)
	}
	if got := plain.Header.Get("Content-Type"); got != "text/javascript; charset=utf-8" {
		t.Errorf("Content-Type is %q", got)
	}
	if !strings.Contains(string(body), " as connect") {
		t.Error("the module exports no connect")
	}
	compressed := get(t, "/weir.js", http.Header{"Accept-Encoding": {"br, gzip"}})
	if compressed.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("not compressed: %v", compressed.Header)
	}
	unpacked, err := gzip.NewReader(compressed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := io.ReadAll(unpacked); err != nil || string(again) != string(body) {
		t.Errorf("compressed, it is another file (%v)", err)
	}
	if plain.Header.Get("ETag") == compressed.Header.Get("ETag") {
		t.Error("two representations share an ETag")
	}
	cached := get(t, "/weir.js", http.Header{"If-None-Match": {plain.Header.Get("ETag")}})
	if cached.StatusCode != http.StatusNotModified {
		t.Errorf("with its ETag: %s, want 304", cached.Status)
	}
	if refused := get(t, "/weir.js", http.Header{"Accept-Encoding": {"gzip;q=0"}}); refused.Header.Get("Content-Encoding") != "" {
		t.Error("compressed, although the client refuses it")
	}
}

func TestHandlerServesTheDemonstration(t *testing.T) {
	for path, want := range map[string]string{
		"/": "text/html; charset=utf-8", "/demo/index.html": "text/html; charset=utf-8",
		"/demo/demo.js": "text/javascript; charset=utf-8", "/demo/demo.css": "text/css; charset=utf-8",
		"/demo/airports.json": "application/json", "/demo/favicon.svg": "image/svg+xml",
		"/demo/outlines.bin": "application/octet-stream",
	} {
		response := get(t, path, http.Header{})
		if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != want {
			t.Errorf("%s: %s, %q, want %q", path, response.Status, got, want)
		}
	}
}

func TestHandlerServesNothingElse(t *testing.T) {
	for _, path := range []string{"/manifest.json", "/types/index.d.ts", "/demo/", "/demo/../manifest.json", "/nothing"} {
		if response := get(t, path, http.Header{}); response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s, want 404", path, response.Status)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/weir.js", nil)
	w := httptest.NewRecorder()
	browser.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestFiles(t *testing.T) {
	for _, name := range []string{"weir.js", "types/index.d.ts", "demo/index.html"} {
		if _, err := fs.Stat(browser.Files(), name); err != nil {
			t.Error(err)
		}
	}
}
