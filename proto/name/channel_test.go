package name_test

import (
	"strings"
	"testing"

	"weir/proto/fault"
	"weir/proto/name"
)

func TestCheckChannel(t *testing.T) {
	for channel, ok := range map[string]bool{
		"chat":                         true,
		"chat:room-1":                  true,
		"chat:a:b":                     true,
		"chat:":                        true,
		"Room_1.~@/+=-":                true,
		"chat:Room_1.~@/+=-":           true,
		strings.Repeat("x", 200):       true,
		strings.Repeat("x", 201):       false,
		"":                             false,
		":room":                        false,
		"Chat:room":                    false,
		"a.b:room":                     false,
		strings.Repeat("x", 64) + ":a": false,
		"chat room":                    false,
		"chat*":                        false,
		"chät":                         false,
		"chat\n":                       false,
		"chat:\x00":                    false,
		"chat:\u202ea":                 false,
	} {
		check(t, "CheckChannel", channel, name.CheckChannel(channel), ok, fault.ChannelInvalid)
	}
}

func TestNamespaceOf(t *testing.T) {
	exists := func(namespace string) bool { return namespace == "chat" }
	for channel, want := range map[string]string{
		"chat":        "chat",
		"chat:room-1": "chat",
		"chat:a:b":    "chat",
		"flights":     "default",
		"default":     "default",
		"flights:eu":  "flights",
	} {
		if got := name.NamespaceOf(channel, exists); got != want {
			t.Errorf("NamespaceOf(%q) = %q, want %q", channel, got, want)
		}
	}
}

func FuzzCheckChannel(f *testing.F) {
	for _, seed := range []string{"", "chat", "chat:room-1", ":a", "Chat:a", "a*", "é:b", strings.Repeat("x", 201)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, channel string) {
		err := name.CheckChannel(channel)
		if err != nil {
			check(t, "CheckChannel", channel, err, false, fault.ChannelInvalid)
			return
		}
		if len(channel) == 0 || len(channel) > name.MaxChannel {
			t.Errorf("CheckChannel accepts %d bytes", len(channel))
		}
		// Whatever the namespaces are, a valid channel's namespace can be created.
		for _, exists := range []bool{false, true} {
			namespace := name.NamespaceOf(channel, func(s string) bool { return exists && name.CheckNamespace(s) == nil })
			if err := name.CheckNamespace(namespace); err != nil {
				t.Errorf("NamespaceOf(%q) = %q: %v", channel, namespace, err)
			}
		}
		if name.CheckPattern(channel) != nil || !name.Match(channel, channel) || !name.Match("*", channel) {
			t.Errorf("%q does not match itself", channel)
		}
	})
}
