package filters

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"weir/filters/examples"
	"weir/filters/internal/wasmtest"
	"weir/proto/weirpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testLimits are the defaults with less fuel, so that tests of endless loops end soon.
var testLimits = Limits{CallFuel: 3_000_000, GroupFuel: 1000}

func newEngine(t testing.TB, cfg Config) *Engine {
	t.Helper()
	e, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

func open(t testing.TB, e *Engine, module []byte) *Filter {
	t.Helper()
	f, err := e.Open(t.Context(), module)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// openGuest opens an assembled guest in an engine of its own.
func openGuest(t testing.TB, m *wasmtest.Module) *Filter {
	t.Helper()
	return open(t, newEngine(t, Config{Limits: testLimits}), m.Bytes())
}

func openViewport(t testing.TB) *Filter {
	t.Helper()
	return open(t, newEngine(t, Config{}), examples.Viewport().Module)
}

func prepare(t testing.TB, f *Filter, params string) []byte {
	t.Helper()
	prepared, err := f.Prepare(t.Context(), []byte(params))
	if err != nil {
		t.Fatalf("%s: %v", params, err)
	}
	return prepared
}

// event encodes an event with this payload, a string as it is and anything else as JSON.
func event(t testing.TB, payload any) []byte {
	t.Helper()
	b, ok := payload.(string)
	if !ok {
		encoded, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		b = string(encoded)
	}
	return AppendEvent(nil, "flights", &weirpb.Event{Offset: 7, TimeMs: 1_700_000_000_000, Payload: []byte(b), ContentType: "application/json"})
}

// matches asks a filter about one group.
func matches(t testing.TB, f *Filter, event, prepared []byte) bool {
	t.Helper()
	var set Set
	slot := set.Add(prepared)
	verdicts := NewBitmap(set.Slots())
	if err := f.Match(t.Context(), event, &set, verdicts); err != nil {
		t.Fatal(err)
	}
	return verdicts.Get(slot)
}

// logged returns a logger and what was logged to it, in order. It is for one goroutine.
func logged() (*slog.Logger, *[]string) {
	lines := &[]string{}
	return slog.New(&lineHandler{lines: lines}), lines
}

type lineHandler struct{ lines *[]string }

func (h *lineHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	*h.lines = append(*h.lines, line)
	return nil
}

func (h *lineHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *lineHandler) WithGroup(string) slog.Handler      { return h }

func viewportModule() []byte { return examples.Viewport().Module }
