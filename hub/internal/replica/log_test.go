package replica

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func TestLogLevels(t *testing.T) {
	var b bytes.Buffer
	l := newLogger(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})), "raft")
	for _, c := range []struct {
		write func(string, ...any)
		said  string
		want  string
	}{
		{l.Trace, "t", "level=DEBUG msg=t"},
		{l.Debug, "d", "level=DEBUG msg=d"},
		{l.Info, "i", "level=DEBUG msg=i"},
		{l.Warn, "w", "level=WARN msg=w"},
		{l.Warn, "heartbeat timeout reached, starting election", "level=DEBUG"},
		{l.Error, "e", "level=ERROR msg=e"},
	} {
		b.Reset()
		c.write(c.said, "key", "value")
		if got := b.String(); !strings.Contains(got, c.want) || !strings.Contains(got, "source=raft") || !strings.Contains(got, "key=value") {
			t.Errorf("%q is written as %q", c.said, got)
		}
	}
	b.Reset()
	l.With("peer", 2).Named("net").Info("hello")
	if got := b.String(); !strings.Contains(got, "peer=2") || !strings.Contains(got, "source=raft.net") {
		t.Errorf("a part's message is written as %q", got)
	}
	b.Reset()
	l.StandardLogger(nil).Print("plain")
	l.Log(hclog.Off, "nothing")
	if got := b.String(); !strings.Contains(got, "plain") || strings.Contains(got, "nothing") {
		t.Errorf("written is %q", got)
	}
	if !l.IsTrace() || !l.IsError() || l.GetLevel() != hclog.Debug {
		t.Error("what the handler takes is not known")
	}
}
