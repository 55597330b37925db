// Package sequence tells first attempts of publications from retries. Its functions are pure, so every replica decides
// alike.
package sequence

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

// Check judges the publication that a producer numbered sequence, from 1 on. last is the number of the last one that the
// channel knows, 0 where it does not know the producer; issuedMs is when the producer's identity was issued and ageMs how
// long producers are remembered after their last publication.
func Check(last, sequence uint64, issuedMs, nowMs, ageMs int64) Verdict {
	if last == 0 {
		switch {
		case nowMs-issuedMs >= ageMs || issuedMs-nowMs > SkewMs:
			return Unknown
		case sequence != 1:
			return Gap
		}
		return Accept
	}
	switch {
	case sequence == last+1:
		return Accept
	case sequence > last:
		return Gap
	case last-sequence >= Remembered:
		return Expired
	}
	return Duplicate
}

// Due returns when a producer may be forgotten that published at usedMs, in milliseconds since the Unix epoch.
func Due(usedMs, ageMs int64) int64 { return usedMs + ageMs + SkewMs }

// Outcomes are remembered by the page, PageLength publications in a row; what is left of Remembered after the pages that are
// full is the page that is being filled.
const (
	PageLength = 16
	pages      = Remembered / PageLength
)

// Page returns the page that has a publication, and its place there. Sequences count from 1, pages from 0.
func Page(sequence uint64) (page uint64, place int) {
	return (sequence - 1) / PageLength, int((sequence - 1) % PageLength)
}

// Slot returns where a full page is kept: that of the one Remembered publications before it is overwritten.
func Slot(page uint64) uint16 { return uint16(page % pages) }

// Pages returns how many full pages are kept after publication last.
func Pages(last uint64) uint64 { return min(last/PageLength, pages) }
