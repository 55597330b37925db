// Package sequence tells first attempts of publications from retries. Its functions are pure, so every replica decides
// alike.
package sequence

import "weir/proto/logpb"

// Remembered is how many publications of a producer a channel remembers: four sessions' worth of publications in flight.
const Remembered = 1024

// SkewMs is how far, in milliseconds, the clock of whoever granted an identity may be ahead of the leader's. A producer is
// remembered for this much longer, so that an identity that looks younger than it is does no harm.
const SkewMs = 60_000

// A Verdict says what to do with a publication.
type Verdict int

// Verdicts.
const (
	Accept Verdict = iota
	// Duplicate: answer with what the first attempt got.
	Duplicate
	// Gap: an earlier publication is missing.
	Gap
	// Expired: too old to tell whether it had been accepted.
	Expired
	// Unknown: the producer is not remembered, and may have been forgotten.
	Unknown
)

// Check judges the publication that a producer numbered sequence, from 1 on. last is what the channel knows of the
// producer, nil for nothing; issuedMs is when the producer's identity was issued and ageMs how long producers are
// remembered after their last publication.
func Check(last *logpb.ProducerRow, sequence uint64, issuedMs, nowMs, ageMs int64) Verdict {
	if last == nil {
		switch {
		case nowMs-issuedMs >= ageMs || issuedMs-nowMs > SkewMs:
			return Unknown
		case sequence != 1:
			return Gap
		}
		return Accept
	}
	switch known := last.GetLastSequence(); {
	case sequence == known+1:
		return Accept
	case sequence > known:
		return Gap
	case known-sequence >= Remembered:
		return Expired
	}
	return Duplicate
}

// Due returns when a producer may be forgotten that published at usedMs, in milliseconds since the Unix epoch.
func Due(usedMs, ageMs int64) int64 { return usedMs + ageMs + SkewMs }

// Slot returns where the outcome of a publication is remembered: that of the one Remembered before it is overwritten.
func Slot(sequence uint64) uint16 { return uint16(sequence % Remembered) }
