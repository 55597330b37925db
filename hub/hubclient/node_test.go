package hubclient

import (
	"errors"
	"log/slog"
	"testing"
)

func TestTheSameIsSaidOnce(t *testing.T) {
	said := complaints{}
	for i, step := range []struct {
		addr, why string
		want      slog.Level
	}{
		{"a:1", "refused", slog.LevelWarn},
		{"a:1", "refused", slog.LevelDebug},
		{"b:1", "refused", slog.LevelWarn},
		{"a:1", "refused", slog.LevelDebug},
		{"a:1", "no answer", slog.LevelWarn},
		{"a:1", "no answer", slog.LevelDebug},
	} {
		if got := said.level(step.addr, errors.New(step.why)); got != step.want {
			t.Errorf("step %d, %s %s: %v, want %v", i, step.addr, step.why, got, step.want)
		}
	}
}
