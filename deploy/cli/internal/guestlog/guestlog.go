// Package guestlog finds what filters say by weir.log in the log of the engine that runs them.
package guestlog

import (
	"context"
	"log/slog"
	"time"
)

// says is the message of the engine's record.
const says = "a filter says"

// A Line is one message of a filter.
type Line struct {
	Time time.Time
	// Module is the beginning of the module's SHA-256, in hexadecimal.
	Module string
	Text   string
	// LeftOut is how many messages before it were not written, as there were too many.
	LeftOut int64
}

// Handler returns a handler for the engine's log that gives take each line, whatever the level of next, which gets all that
// it wants. take must not block, and may be called by several goroutines at once.
func Handler(next slog.Handler, take func(Line)) slog.Handler {
	return &handler{next: next, take: take}
}

type handler struct {
	next slog.Handler
	take func(Line)
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelDebug || h.next.Enabled(ctx, level)
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == says {
		h.take(lineOf(r))
	}
	if !h.next.Enabled(ctx, r.Level) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

func lineOf(r slog.Record) Line {
	l := Line{Time: r.Time}
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "filter":
			l.Module = a.Value.String()
		case "text":
			l.Text = a.Value.String()
		case "left_out":
			if a.Value.Kind() == slog.KindInt64 {
				l.LeftOut = a.Value.Int64()
			}
		}
		return true
	})
	return l
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{next: h.next.WithAttrs(attrs), take: h.take}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{next: h.next.WithGroup(name), take: h.take}
}
