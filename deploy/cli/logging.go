package cli

import (
	"io"
	"log/slog"
)

// defaultLevel is the least severe level where none is asked for: a server tells what it does, other commands tell what
// goes wrong.
func defaultLevel(command string) string {
	switch command {
	case "dev", "hub run", "edge":
		return "info"
	}
	return "warn"
}

// newLogger returns a logger that writes text for people and JSON for everything else.
func newLogger(w io.Writer, terminal bool, level string) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		least = slog.LevelInfo // kong lets no other through
	}
	options := &slog.HandlerOptions{Level: least}
	if terminal {
		return slog.New(slog.NewTextHandler(w, options))
	}
	options.ReplaceAttr = durationWithUnit
	return slog.New(slog.NewJSONHandler(w, options))
}

// durationWithUnit makes durations read "4ms", as in text: slog's JSON has bare nanoseconds.
func durationWithUnit(_ []string, attr slog.Attr) slog.Attr {
	if attr.Value.Kind() == slog.KindDuration {
		attr.Value = slog.StringValue(attr.Value.Duration().String())
	}
	return attr
}
