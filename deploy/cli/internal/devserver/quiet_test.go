package devserver

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestQuiet(t *testing.T) {
	for level, want := range map[slog.Level]string{
		slog.LevelDebug: "debug info warn", slog.LevelInfo: "warn", slog.LevelWarn: "warn", slog.LevelError: "",
	} {
		var out bytes.Buffer
		logger := quiet(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level}))).With("part", "hub").WithGroup("g")
		logger.Debug("debug")
		logger.Info("info")
		logger.Warn("warn")
		var said []string
		for line := range strings.Lines(out.String()) {
			_, rest, _ := strings.Cut(line, "msg=")
			said = append(said, strings.Fields(rest)[0])
		}
		if got := strings.Join(said, " "); got != want {
			t.Errorf("at level %v it says %q, want %q", level, got, want)
		}
	}
}
