package name

import (
	"strings"

	"weir/proto/fault"
)

const patternHint = "use a channel name, or a prefix of one with \"*\" at its end, as in \"chat:*\"; \"*\" alone means all channels"

// CheckPattern reports what is wrong with a pattern of a token's capabilities: a channel name, or a prefix of one, maybe
// empty, that ends in "*". The error is a *fault.Fault with code invalid_argument.
func CheckPattern(pattern string) error {
	prefix, wild := strings.CutSuffix(pattern, "*")
	if !wild {
		if err := CheckChannel(pattern); err != nil {
			return fault.New(fault.InvalidArgument, "the pattern %s is no channel name", quote(pattern)).
				WithHint(patternHint).WithCause(err)
		}
		return nil
	}
	if len(prefix) > MaxChannel {
		return fault.New(fault.InvalidArgument, "the pattern %s has %d bytes before \"*\", at most %d are allowed",
			quote(pattern), len(prefix), MaxChannel).WithHint(patternHint)
	}
	if i := badByte(prefix, isChannelByte); i >= 0 {
		return fault.New(fault.InvalidArgument, "the pattern %s has %s at byte %d", quote(pattern), character(prefix[i]), i+1).
			WithHint(patternHint)
	}
	return nil
}

// Match reports whether a valid pattern means the channel.
func Match(pattern, channel string) bool {
	if prefix, wild := strings.CutSuffix(pattern, "*"); wild {
		return strings.HasPrefix(channel, prefix)
	}
	return pattern == channel
}

// MatchAny reports whether any of the patterns means the channel.
func MatchAny(patterns []string, channel string) bool {
	for _, pattern := range patterns {
		if Match(pattern, channel) {
			return true
		}
	}
	return false
}
