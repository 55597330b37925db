package examples_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"weir/filters"
	"weir/filters/examples"
	"weir/proto/weirpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens an example in an engine of its own.
func open(t testing.TB, example examples.Example) *filters.Filter {
	t.Helper()
	e, err := filters.New(context.Background(), filters.Config{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := e.Open(context.Background(), example.Module)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return f
}

// fataler is what testing.T and rapid.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// prepare returns prepared params.
func prepare(t fataler, f *filters.Filter, params string) []byte {
	t.Helper()
	prepared, err := f.Prepare(context.Background(), []byte(params))
	if err != nil {
		t.Fatalf("%s: %v", params, err)
	}
	return prepared
}

// ask asks a filter about an event, for each of some prepared params. Where it says yes, the routing keys must, too.
func ask(t fataler, f *filters.Filter, e *weirpb.Event, prepared ...[]byte) []bool {
	t.Helper()
	var set filters.Set
	for _, p := range prepared {
		set.Add(p)
	}
	verdicts := filters.NewBitmap(set.Slots())
	event := filters.AppendEvent(nil, "flights", e)
	if err := f.Match(context.Background(), event, &set, verdicts); err != nil {
		t.Fatalf("%.100s: %v", e.GetPayload(), err)
	}
	answers := make([]bool, len(prepared))
	for i := range answers {
		answers[i] = verdicts.Get(i)
	}
	checkKeys(t, f, event, prepared, answers)
	return answers
}

func payload(text string) *weirpb.Event { return &weirpb.Event{Offset: 1, Payload: []byte(text)} }

func TestExamplesDocumentThemselves(t *testing.T) {
	for _, example := range examples.All() {
		f := open(t, example)
		prepare(t, f, example.Params)
		if example.Summary == "" || len(example.Documentation) < 1000 {
			t.Errorf("%s is not documented", example.Name)
		}
	}
}
