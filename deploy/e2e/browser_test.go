package e2e

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium returns the browser's path, and skips the test where there is none.
func chromium(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("WEIR_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("SKIPPED LOUDLY: no Chromium on this machine: `make test` installs Debian's where it may; or set WEIR_CHROMIUM")
	return ""
}

// A page is one tab of a headless Chromium of its own.
type page struct {
	t   testing.TB
	ctx context.Context
}

// openPage starts a browser and opens url in it. Errors that the page's scripts throw fail the test.
func openPage(t testing.TB, url string) *page {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.WindowSize(1200, 800),
		// Without these the browser calls home, and a machine without a network lets it wait.
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		// A hidden page's timers are throttled; the test looks at it through the debugger alone.
		chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	p := &page{t: t, ctx: ctx}
	p.do(chromedp.Navigate("about:blank")) // starts the browser
	err := chromedp.Listen(ctx, func(event any) {
		if thrown, ok := event.(*runtime.EventExceptionThrown); ok {
			t.Errorf("the page threw: %s %s", thrown.ExceptionDetails.Text, thrown.ExceptionDetails.Exception.Description)
		}
	})
	if err != nil {
		t.Fatalf("listen to the page: %v", err)
	}
	p.do(chromedp.EmulateViewport(1200, 800), chromedp.Navigate(url))
	return p
}

func (p *page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatalf("browser: %v", err)
	}
}

// run evaluates an expression for what it does, and awaits it if it is a promise.
func (p *page) run(expression string) {
	p.t.Helper()
	eval[chromedp.Void](p, expression)
}

// eval evaluates an expression, awaits it if it is a promise, and decodes its JSON into T.
func eval[T any](p *page, expression string) T {
	p.t.Helper()
	result, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("in the page: %s: %v", expression, err)
	}
	return result
}

// waitFor waits until an expression in the page is true.
func (p *page) waitFor(what, expression string) {
	p.t.Helper()
	_, err := chromedp.Run(p.ctx, chromedp.Poll[bool]("Boolean("+expression+")",
		chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(patience)))
	if err != nil {
		p.t.Fatalf("waited %v for %s (%s): %v", patience, what, expression, err)
	}
}
