package browser_test

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// session is what a page does with the SDK; it says what it was told.
const session = `
(async (transport) => {
  const { connect } = await import("/weir.js");
  const weir = connect({ transports: [transport] });
  const states = [];
  weir.on("state", (state) => states.push(state));
  await weir.ready;
  const told = [];
  const flights = weir.subscribe("state:flights", { filter: "viewport", params: { west: 0, south: 0, east: 10, north: 10 } });
  const snapshot = () => new Promise((resolve) => { const off = flights.on("snapshot", (s) => { off(); resolve(s); }); });
  const first = snapshot();
  for (const kind of ["enter", "update", "leave"]) flights.on(kind, (m) => told.push(kind + " " + m.key));
  await first;
  const before = told.splice(0).sort();
  await flights.setParams({ west: 5, south: 0, east: 15, north: 10 });
  const panned = told.splice(0).sort();
  const resynced = snapshot();
  weir.interrupt();
  const { resync, size } = await resynced;
  const again = told.splice(0);
  const refused = await flights.setParams({ west: "x" }).catch((error) => error.code);

  const chat = weir.subscribe("log:chat", { since: "earliest" });
  const receipts = Promise.all(["one", { n: 2 }, new Uint8Array([3])].map((value) => weir.publish("log:chat", value)));
  const got = [];
  for await (const m of chat) {
    got.push([m.offset, m.data instanceof Uint8Array ? [...m.data] : m.data]);
    if (got.length === 3) break;
  }
  const offsets = (await receipts).map((receipt) => receipt.offset);
  const { reconnects, published, pending } = weir.stats;
  const used = weir.transport;
  weir.close();
  return JSON.stringify({ used, states, before, panned, resync, size, again, refused, got, offsets, reconnects, published, pending });
})`

func TestChromium(t *testing.T) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("SKIPPED: there is no Chromium to try the SDK in: %v", err)
	}
	if testing.Short() {
		t.Skip("SKIPPED: a browser takes several seconds")
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)...)
	defer stop()
	browser, closeBrowser := chromedp.NewContext(allocator)
	defer closeBrowser()
	for _, transport := range []string{"webtransport", "websocket"} {
		t.Run(transport, func(t *testing.T) {
			relay := startRelay(t)
			for key, place := range map[string]string{"a": `{"lon":1,"lat":1}`, "b": `{"lon":7,"lat":1}`, "c": `{"lon":12,"lat":1}`} {
				relay.hub.Add(tenant, "state:flights", key, place)
			}
			const want = `,"states":["connected","reconnecting","connected","closed"],"before":["enter a","enter b"],` +
				`"panned":["enter c","leave a"],"resync":true,"size":2,"again":[],"refused":"filter_params_invalid",` +
				`"got":[[1,"one"],[2,{"n":2}],[3,[3]]],"offsets":[1,2,3],"reconnects":1,"published":3,"pending":0}`
			got := runInPage(t, browser, relay.site+"/blank", session+`("`+transport+`")`)
			if diff := cmp.Diff(`{"used":"`+transport+`"`+want, got); diff != "" {
				t.Errorf("the page was told (-want +got):\n%s", diff)
			}
		})
	}
}

// runInPage opens a tab and returns what an expression's promise resolves to.
func runInPage(t *testing.T, browser context.Context, url, expression string) string {
	t.Helper()
	tab, closeTab := chromedp.NewContext(browser)
	defer closeTab()
	tab, cancel := context.WithTimeout(tab, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(tab, chromedp.Navigate(url)); err != nil {
		t.Fatalf("open the page: %v", err)
	}
	result, err := chromedp.Run(tab, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("in the page: %v", err)
	}
	return result
}
