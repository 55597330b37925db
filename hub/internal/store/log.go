package store

import (
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
)

// pebbleLogger writes Pebble's log to slog.
type pebbleLogger struct{ to *slog.Logger }

// Infof is about flushes and compactions, many a minute.
func (l pebbleLogger) Infof(format string, args ...any) { l.to.Debug(fmt.Sprintf(format, args...)) }

func (l pebbleLogger) Errorf(format string, args ...any) { l.to.Error(fmt.Sprintf(format, args...)) }

// Fatalf is called where Pebble can't go on, as when its manifest can't be written, and must not return. What was
// acknowledged is in the Raft log, so stopping here loses nothing.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	l.to.Error("the state can't be written any more", "error", message)
	panic("hub: the state can't be written any more: " + message)
}

// listener reports corruption in Pebble's own blocks, which it would otherwise end the process for.
func listener(log *slog.Logger, onCorrupt func(error)) *pebble.EventListener {
	return &pebble.EventListener{
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			onCorrupt(&CorruptError{Key: []byte(info.Path), Reason: "a block of the file can't be read", Cause: info.Details})
		},
		BackgroundError: func(err error) { log.Warn("the state could not be written in the background", "error", err) },
		DiskSlow: func(info pebble.DiskSlowInfo) {
			log.Warn("the disk is slow", "operation", info.OpType.String(), "duration", info.Duration)
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			log.Warn("writes wait for the disk", "reason", info.Reason)
		},
		WriteStallEnd: func() { log.Info("writes go on") },
	}
}
