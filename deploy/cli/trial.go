package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"weir/deploy/cli/internal/project"
	"weir/edge/edgeclient"
	"weir/filters"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A trial decides about live events with a project's filter, which may change meanwhile.
type trial struct {
	project *project.Project
	params  string    // as given; "" for those of the project
	seen    time.Time // when a source was last changed of which watch need not be told

	mu       sync.Mutex
	filter   *opened     // guarded by mu
	prepared []byte      // guarded by mu
	set      filters.Set // guarded by mu
}

// newTrial builds and opens the project's filter.
func newTrial(ctx context.Context, p *project.Project, params string, con *console, log *slog.Logger) (*trial, error) {
	changed, err := p.Changed() // before it is built: what changes while it is, watch shall see
	if err != nil {
		return nil, err
	}
	module, err := fresh(ctx, p, con)
	if err != nil {
		return nil, err
	}
	t := &trial{project: p, params: params, seen: changed}
	return t, t.use(ctx, p, module, log)
}

// use replaces the filter. On failure the one before goes on.
func (t *trial) use(ctx context.Context, p *project.Project, module []byte, log *slog.Logger) error {
	filter, err := openLocal(ctx, module, log)
	if err != nil {
		return err
	}
	prepared, err := filter.Prepare(ctx, []byte(firstNonEmpty(t.params, string(p.Params))))
	if err != nil {
		return errors.Join(err, filter.close())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.filter
	t.filter, t.prepared, t.set = filter, prepared, filters.Set{}
	t.set.Add(prepared)
	if before != nil {
		return before.close()
	}
	return nil
}

func (t *trial) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = t.filter.close() // it frees memory, which the process is about to do
}

// decide asks the filter about an event and notes on the line what it says.
func (t *trial) decide(ctx context.Context, m *edgeclient.Message, line *trialLine) {
	t.mu.Lock()
	defer t.mu.Unlock()
	event := filters.AppendEvent(nil, m.Channel, eventOf(m))
	verdicts := filters.NewBitmap(t.set.Slots())
	if err := t.filter.Match(ctx, event, &t.set, verdicts); err != nil {
		line.Error = fault.From(err).Message
		return
	}
	match := verdicts.Get(0)
	line.Match = &match
	if !match || !slices.Contains(t.filter.Manifest().Abilities, filters.AbilityProject) {
		return
	}
	shown, err := t.filter.Project(ctx, event, t.prepared, nil)
	switch {
	case err != nil:
		line.Error = fault.From(err).Message
	case json.Valid(shown):
		line.Projection = json.RawMessage(shown)
	default:
		line.Projection = string(shown)
	}
}

// eventOf returns the event that a message told of.
func eventOf(m *edgeclient.Message) *weirpb.Event {
	e := &weirpb.Event{
		Offset: m.Cursor.Offset, TimeMs: m.Time.UnixMilli(), Key: m.Key, ContentType: m.ContentType, Payload: m.Payload,
	}
	for _, h := range m.Headers {
		e.Headers = append(e.Headers, &weirpb.Header{Name: h.Name, Value: h.Value})
	}
	return e
}

// watchInterval is how often sources are looked at: soon enough for whoever has just saved one.
const watchInterval = 300 * time.Millisecond

// watch builds the filter anew when a source changes, until ctx ends or stop is called, which waits for it.
func (t *trial) watch(ctx context.Context, con *console, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(watchInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			changed, err := t.project.Changed()
			if err == nil && !changed.After(t.seen) {
				continue
			}
			t.seen = changed
			if err == nil {
				err = t.rebuild(ctx, con, log)
			}
			switch {
			case ctx.Err() != nil:
			case err != nil:
				con.printFailure(err)
			default:
				fmt.Fprintln(con.err, "built anew")
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// rebuild builds and opens the project as it is now; weir.yaml may have changed too.
func (t *trial) rebuild(ctx context.Context, con *console, log *slog.Logger) error {
	p, err := project.Load(t.project.Dir)
	if err != nil {
		return err
	}
	module, err := p.Build(ctx, con.err)
	if err != nil {
		return explainBuild(err)
	}
	return t.use(ctx, p, module, log)
}
