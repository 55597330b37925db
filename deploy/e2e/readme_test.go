package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// ownPage is the page of somebody who pastes the README's snippet, with what the snippet leaves to its reader before it.
const ownPage = `<!doctype html><title>own</title>
<script type="module">
const told = window.told = { enter: 0, update: 0, leave: 0 };
const add = () => told.enter++, move = () => told.update++, remove = () => told.leave++;
%s
window.weir = weir;
window.flights = map;
</script>`

// The README's snippet works as it stands in a page that another server on this machine serves.
func TestReadmeSnippet(t *testing.T) {
	chromium(t)
	s := newServer(t)
	everything := record(s, "flights")
	everything.await("the first aircraft", func(lines []line) bool { return len(lines) > 500 })

	snippet := strings.ReplaceAll(readmeSnippet(t), "127.0.0.1:8080", s.HTTP)
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, ownPage, snippet)
	}))
	defer own.Close()
	p := openPage(t, own.URL)
	p.waitFor("the snippet to end, aircraft in the new box and what entered and left",
		"window.flights?.view.size > 0 && told.enter > 0 && told.update > 0 && told.leave > 0")
	if outside := eval[int](p, `[...flights.view.values()].filter((m) => m.data.lon < -90 || m.data.lon > -80 || m.data.lat < 38 || m.data.lat > 44).length`); outside > 0 {
		t.Errorf("%d aircraft in the view are outside of the box", outside)
	}
}

// readmeSnippet returns the README's only block of JavaScript.
func readmeSnippet(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "```js\n")
	snippet, _, closed := strings.Cut(rest, "```\n")
	if !found || !closed || strings.Contains(rest[len(snippet)+4:], "```js\n") || !strings.Contains(snippet, "127.0.0.1:8080") {
		t.Fatal("the README does not have one block of JavaScript that loads the SDK from 127.0.0.1:8080")
	}
	return snippet
}
