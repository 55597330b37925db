package replica

import (
	"context"
	"io"
	"log"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// logger writes the log of hashicorp's libraries to slog. What they find informative is of use only for debugging, and a
// warning that every start brings is none.
type logger struct {
	to      *slog.Logger
	name    string
	implied []any
}

var _ hclog.Logger = (*logger)(nil)

// newLogger returns a logger that names its source.
func newLogger(to *slog.Logger, name string) *logger {
	return &logger{to: to.With("source", name), name: name}
}

// expected are messages that are part of an ordinary start, or of a node's being away, which raft repeats many times a
// second in each group. The hub says once that a node does not answer.
var expected = map[string]bool{
	"heartbeat timeout reached, starting election":                      true,
	"pre-vote is disabled because it is not supported by the Transport": true,
	"no known peers, aborting election":                                 true,
	"Election timeout reached, restarting election":                     true,
	"pre-vote campaign failed, waiting for election timeout":            true,
	"failed to heartbeat to":                                            true,
	"failed to appendEntries to":                                        true,
	"failed to pipeline appendEntries to":                               true,
	"failed to start pipeline replication to":                           true,
	"failed to make requestVote RPC":                                    true,
	"failed to get previous log":                                        true,
	"failed to get log":                                                 true,
	"failed to install snapshot":                                        true,
	"previous log term mis-match":                                       true,
	"appendEntries rejected, sending older logs":                        true,
	"failed to contact":                                                 true,
	"failed to send snapshot to":                                        true,
	"rejecting pre-vote request since we have a leader":                 true,
	"rejecting vote request since we have a leader":                     true,
	"rejecting pre-vote request since our last index is greater":        true,
	"rejecting vote request since our last index is greater":            true,
	"rejecting pre-vote request since our last term is greater":         true,
	"rejecting vote request since our last term is greater":             true,
	"failed to decode incoming command":                                 true,
	"not part of stable configuration, aborting election":               true,
}

func level(l hclog.Level, message string) slog.Level {
	switch {
	case expected[message]:
		return slog.LevelDebug
	case l >= hclog.Error:
		return slog.LevelError
	case l == hclog.Warn:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// Log writes a message with alternating keys and values.
func (l *logger) Log(at hclog.Level, message string, args ...any) {
	if at == hclog.Off {
		return
	}
	l.to.Log(context.Background(), level(at, message), message, args...)
}

func (l *logger) Trace(message string, args ...any) { l.Log(hclog.Trace, message, args...) }
func (l *logger) Debug(message string, args ...any) { l.Log(hclog.Debug, message, args...) }
func (l *logger) Info(message string, args ...any)  { l.Log(hclog.Info, message, args...) }
func (l *logger) Warn(message string, args ...any)  { l.Log(hclog.Warn, message, args...) }
func (l *logger) Error(message string, args ...any) { l.Log(hclog.Error, message, args...) }

func (l *logger) enabled(at slog.Level) bool { return l.to.Enabled(context.Background(), at) }

func (l *logger) IsTrace() bool { return l.enabled(slog.LevelDebug) }
func (l *logger) IsDebug() bool { return l.enabled(slog.LevelDebug) }
func (l *logger) IsInfo() bool  { return l.enabled(slog.LevelDebug) }
func (l *logger) IsWarn() bool  { return l.enabled(slog.LevelWarn) }
func (l *logger) IsError() bool { return l.enabled(slog.LevelError) }

// ImpliedArgs returns what With has added.
func (l *logger) ImpliedArgs() []any { return l.implied }

// With returns a logger that adds keys and values to each message.
func (l *logger) With(args ...any) hclog.Logger {
	return &logger{to: l.to.With(args...), name: l.name, implied: append(append([]any(nil), l.implied...), args...)}
}

// Name returns the name of the source.
func (l *logger) Name() string { return l.name }

// Named returns a logger for a part of the source.
func (l *logger) Named(name string) hclog.Logger { return l.ResetNamed(l.name + "." + name) }

// ResetNamed returns a logger for another source.
func (l *logger) ResetNamed(name string) hclog.Logger {
	return &logger{to: l.to.With("source", name), name: name, implied: l.implied}
}

// SetLevel does nothing: the handler decides.
func (l *logger) SetLevel(hclog.Level) {}

// GetLevel returns the most talkative level that is written.
func (l *logger) GetLevel() hclog.Level {
	if l.IsDebug() {
		return hclog.Debug
	}
	return hclog.Warn
}

// StandardLogger returns a logger of the standard library that writes at level Debug.
func (l *logger) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return slog.NewLogLogger(l.to.Handler(), slog.LevelDebug)
}

// StandardWriter returns a writer of lines at level Debug.
func (l *logger) StandardWriter(o *hclog.StandardLoggerOptions) io.Writer {
	return l.StandardLogger(o).Writer()
}
