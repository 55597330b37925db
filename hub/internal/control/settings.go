package control

import (
	"cmp"

	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// What a namespace has that does not say otherwise.
const (
	DefaultWindowAgeMs  = 10 * 60 * 1000
	DefaultWindowBytes  = 64 << 20
	DefaultWindowCount  = 1_000_000
	DefaultPayloadBytes = 64 << 10
	DefaultKeys         = 100_000
	DefaultDedupeAgeMs  = 10 * 60 * 1000
)

// settingsOf resolves the defaults: they are no part of the log, so that a later version may have others.
func settingsOf(t *logpb.TenantRecord, n *weirpb.Namespace) *logpb.Settings {
	return &logpb.Settings{
		TenantId: t.GetId(), Generation: t.GetGeneration(), Kind: n.GetKind(),
		WindowAgeMs: cmp.Or(n.GetWindowAgeMs(), DefaultWindowAgeMs),
		WindowBytes: cmp.Or(n.GetWindowBytes(), DefaultWindowBytes),
		WindowCount: cmp.Or(n.GetWindowCount(), DefaultWindowCount),
		Keys:        cmp.Or(n.GetKeys(), DefaultKeys),
		DedupeAgeMs: cmp.Or(n.GetDedupeAgeMs(), DefaultDedupeAgeMs),
	}
}

// PayloadBytes returns the longest payload that a namespace allows.
func PayloadBytes(n *weirpb.Namespace) int {
	return int(cmp.Or(n.GetPayloadBytes(), DefaultPayloadBytes))
}
