package name_test

import (
	"strings"
	"testing"

	"weir/proto/fault"
	"weir/proto/name"
)

func TestCheckPattern(t *testing.T) {
	for pattern, ok := range map[string]bool{
		"*":                            true,
		"chat":                         true,
		"chat:*":                       true,
		"chat*":                        true,
		"chat:room-1":                  true,
		strings.Repeat("x", 200) + "*": true,
		strings.Repeat("x", 201) + "*": false,
		"":                             false,
		"**":                           false,
		"a*b":                          false,
		"*:room":                       false,
		"chat: *":                      false,
		"Chat:a":                       false,
		"chat:?":                       false,
	} {
		check(t, "CheckPattern", pattern, name.CheckPattern(pattern), ok, fault.InvalidArgument)
	}
}

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, channel string
		want             bool
	}{
		{"*", "chat:room-1", true},
		{"chat:*", "chat:room-1", true},
		{"chat:*", "chat:", true},
		{"chat:*", "chat", false},
		{"chat*", "chat", true},
		{"chat*", "chatter", true},
		{"chat", "chat", true},
		{"chat", "chat:room-1", false},
		{"chat:room-1", "chat:room-10", false},
		{"chat:room-1", "Chat:room-1", false},
	}
	for _, tt := range tests {
		if got := name.Match(tt.pattern, tt.channel); got != tt.want {
			t.Errorf("Match(%q, %q) = %v", tt.pattern, tt.channel, got)
		}
	}
	if !name.MatchAny([]string{"flights", "chat:*"}, "chat:a") || name.MatchAny([]string{"flights"}, "chat:a") || name.MatchAny(nil, "chat") {
		t.Error("MatchAny disagrees with Match")
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	patterns := []string{"flights", "chat:room-*"}
	if n := testing.AllocsPerRun(100, func() { name.MatchAny(patterns, "chat:room-1") }); n != 0 {
		t.Errorf("MatchAny allocates %v times", n)
	}
}

func FuzzCheckPattern(f *testing.F) {
	for _, seed := range []string{"", "*", "chat:*", "a*b", "**", "é*", "chat"} {
		f.Add(seed, "chat:room-1")
	}
	f.Fuzz(func(t *testing.T, pattern, channel string) {
		if err := name.CheckPattern(pattern); err != nil {
			check(t, "CheckPattern", pattern, err, false, fault.InvalidArgument)
			return
		}
		want := pattern == channel
		if prefix, wild := strings.CutSuffix(pattern, "*"); wild {
			want = len(channel) >= len(prefix) && channel[:len(prefix)] == prefix
		}
		if got := name.Match(pattern, channel); got != want {
			t.Errorf("Match(%q, %q) = %v", pattern, channel, got)
		}
	})
}
