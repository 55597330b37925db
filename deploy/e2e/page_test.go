package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// watch makes the page keep what its subscriptions are told, and which filters they hold to.
const watch = `(() => {
	const { flights, chat } = window.__weir;
	const t = window.__test = { filters: null, changing: 0, flights: [], chat: [], gaps: [] };
	const set = flights.setFilters.bind(flights);
	flights.setFilters = async (filters) => {
		t.changing++;
		try { await set(filters); t.filters = filters; } finally { t.changing--; }
	};
	for (const kind of ["enter", "update", "leave"]) {
		flights.on(kind, (m) => t.flights.push({ type: kind, key: m.key, offset: m.offset }));
	}
	chat.on("event", (m) => t.chat.push({ offset: m.offset, payload: m.data }));
	flights.on("gap", (g) => t.gaps.push(g));
	chat.on("gap", (g) => t.gaps.push(g));
})()`

// look reads at one moment what the page holds; null while its filters change.
const look = `(() => {
	const { flights } = window.__weir, t = window.__test;
	if (t.changing || !t.filters || !flights.cursor) return null;
	const keys = Object.fromEntries([...flights.view].map(([key, m]) => [key, m.offset]));
	return { offset: flights.cursor.offset, box: t.filters[0].params, keys, told: t.flights.length };
})()`

// A sight is what look returns.
type sight struct {
	Offset uint64            `json:"offset"`
	Box    box               `json:"box"`
	Keys   map[string]uint64 `json:"keys"`
	Told   int               `json:"told"` // how many enters, updates and leaves led to it
}

func (p *page) look() sight {
	p.t.Helper()
	p.waitFor("the view to hold to its filters", look)
	seen := eval[*sight](p, look)
	if seen == nil { // it has begun to change again
		return p.look()
	}
	return *seen
}

// told returns the enters, updates and leaves from one sight to the next.
func (p *page) told(from, to sight) []line {
	p.t.Helper()
	return eval[[]line](p, fmt.Sprintf("window.__test.flights.slice(%d, %d)", from.Told, to.Told))
}

// pan moves the map as somebody at the keyboard would, and waits until the page holds to another box.
func (p *page) pan(key string, times int) {
	p.t.Helper()
	before := eval[json.RawMessage](p, "window.__test.filters")
	p.run(`document.getElementById("flights-map").focus()`)
	for range times {
		p.do(chromedp.KeyEvent(key))
	}
	p.waitFor("the box to move",
		fmt.Sprintf("!window.__test.changing && JSON.stringify(window.__test.filters) !== JSON.stringify(%s)", orNull(before)))
}

func orNull(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "null"
	}
	return string(raw)
}

// In a real browser: the page shows only what is in its viewport, exactly, also when that moves and after the server was
// killed; and the chat has every acknowledged message once.
func TestPage(t *testing.T) {
	chromium(t) // skips before anything is started
	// Kept to it: on a busy machine WebSocket may win the race, and this is about WebTransport.
	testPage(t, "?transport=webtransport", "webtransport")
}

// The same where UDP is blocked: the page falls back to WebSocket by itself.
func TestPageWithoutUDP(t *testing.T) {
	chromium(t)
	withoutUDP(t, func(t *testing.T) { testPage(t, "", "websocket") })
}

func testPage(t *testing.T, query, transport string) {
	s := newServer(t)
	everything := record(s, "flights")
	everything.await("the first aircraft", func(lines []line) bool { return len(lines) > 500 })

	p := openPage(t, "http://"+s.HTTP+"/"+query)
	p.waitFor("a connection", `document.body.dataset.state === "connected"`)
	if got := eval[string](p, "document.body.dataset.transport"); got != transport {
		t.Fatalf("the page is connected by %s, want %s", got, transport)
	}
	p.waitFor("a view", "window.__weir.flights.view.size > 0")
	p.run(watch)

	p.pan(kb.ArrowRight, 1)
	first := p.checkView(everything)
	p.checkPanning(everything, first)
	p.checkKill(s)
	if got := eval[string](p, "document.body.dataset.transport"); got != transport {
		t.Errorf("after the restart the page is connected by %s, want %s", got, transport)
	}
}

// checkView compares what the page holds with a recomputation from the whole channel.
func (p *page) checkView(everything *recorder) sight {
	p.t.Helper()
	seen := p.look()
	want := viewAt(p.t, everything.until(seen.Offset), seen.Offset, seen.Box)
	if err := sameView(seen.Keys, want); err != nil {
		p.t.Errorf("the page at offset %d, box %+v: %v", seen.Offset, seen.Box, err)
	}
	return seen
}

// checkPanning moves the map about and checks that what the page was told leads from view to view without a fault.
func (p *page) checkPanning(everything *recorder, before sight) {
	p.t.Helper()
	for _, move := range []struct {
		key   string
		times int
	}{{kb.ArrowLeft, 3}, {kb.ArrowUp, 2}, {"-", 1}, {kb.ArrowDown, 3}, {"+", 2}} {
		p.pan(move.key, move.times)
		after := p.checkView(everything)
		view := before.Keys
		told := p.told(before, after)
		if err := apply(view, told); err != nil {
			p.t.Errorf("panning with %q: %v", move.key, err)
		}
		if err := sameView(view, after.Keys); err != nil {
			p.t.Errorf("panning with %q: what was told gives another view: %v", move.key, err)
		}
		before = after
	}
	if len(before.Keys) == 0 {
		p.t.Error("no aircraft in the box: the test shows nothing")
	}
}

// talk publishes messages one after another and keeps what was acknowledged.
const talk = `(() => {
	const t = window.__test;
	t.acked = [];
	t.talking = (async () => {
		for (let i = 0; i < 100; i++) {
			const receipt = await window.__weir.client.publish("chat", { from: "test", text: "message " + i, id: "test-" + i });
			t.acked.push({ offset: receipt.offset, text: "message " + i });
		}
	})();
	t.talking.then(() => { t.done = true; }, (error) => { t.failed = String(error); });
})()`

// checkKill kills the server while the page talks, starts it again, and checks that nothing is missing.
func (p *page) checkKill(s *server) {
	p.t.Helper()
	before := p.look()
	p.run(talk)
	p.waitFor("some messages", "window.__test.acked.length >= 10")
	s.Kill()
	p.waitFor("the page to notice", `document.body.dataset.state !== "connected"`)
	s.restart()
	p.waitFor("the page to connect by itself", `document.body.dataset.state === "connected"`)
	p.waitFor("all messages", "window.__test.done || window.__test.failed")
	if failed := eval[*string](p, "window.__test.failed"); failed != nil {
		p.t.Fatalf("publishing failed: %s", *failed)
	}
	everything := record(s, "flights") // the one before has only what became of the aircraft in between
	live := everything.await("updates", func(lines []line) bool { return len(lines) > 0 && lines[len(lines)-1].Type == "update" })
	p.waitFor("the flights to go on", fmt.Sprintf("window.__weir.flights.cursor.offset > %d", live[len(live)-1].Offset))
	after := p.checkView(everything)
	if err := apply(before.Keys, p.told(before, after)); err != nil {
		p.t.Errorf("across the restart: %v", err)
	}
	p.checkChat(s)
	if gaps := eval[[]line](p, "window.__test.gaps"); len(gaps) > 0 {
		p.t.Errorf("gaps: %+v", gaps)
	}
}

// checkChat compares what was acknowledged with what the room shows and with what another subscriber reads.
func (p *page) checkChat(s *server) {
	p.t.Helper()
	type message struct {
		Offset uint64 `json:"offset"`
		Text   string `json:"text"`
	}
	acked := eval[[]message](p, "window.__test.acked")
	if len(acked) != 100 {
		p.t.Fatalf("%d of 100 messages are acknowledged", len(acked))
	}
	const shown = `window.__test.chat.filter((m) => m.payload.from === "test").map((m) => ({ offset: m.offset, text: m.payload.text }))`
	p.waitFor("the room to show all", shown+".length >= 100")
	history := record(s, "chat", "--since", "earliest")
	last := acked[len(acked)-1].Offset
	lines := history.await("the last message", func(lines []line) bool { return len(lines) > 0 && lines[len(lines)-1].Offset >= last })
	var stored []message
	for _, l := range lines {
		var payload struct{ From, Text string }
		if json.Unmarshal(l.Payload, &payload) == nil && payload.From == "test" {
			stored = append(stored, message{l.Offset, payload.Text})
		}
	}
	for what, got := range map[string][]message{"the room": eval[[]message](p, shown), "another subscriber": stored} {
		if fmt.Sprint(got) != fmt.Sprint(acked) {
			p.t.Errorf("%s has not every acknowledged message once and in order:\n%v\nwant\n%v", what, got, acked)
		}
	}
}
