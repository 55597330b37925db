package name

import (
	"strings"

	"weir/proto/fault"
)

const channelHint = "use 1 to 200 of A-Z, a-z, 0-9 and _.~@/+=-: as in \"chat:room-1\", where \"chat\" is the namespace"

// CheckChannel reports what is wrong with a channel's name: 1 to 200 bytes of A-Z, a-z, 0-9 and _.~@/+=-: whose part
// before the first ":", if it has one, can be a namespace. The error is a *fault.Fault with code channel_invalid.
func CheckChannel(channel string) error {
	if channel == "" {
		return fault.New(fault.ChannelInvalid, "the channel name is missing").WithHint(channelHint)
	}
	if len(channel) > MaxChannel {
		return fault.New(fault.ChannelInvalid, "the channel name %s has %d bytes, at most %d are allowed",
			quote(channel), len(channel), MaxChannel).WithHint(channelHint)
	}
	if i := badByte(channel, isChannelByte); i >= 0 {
		return fault.New(fault.ChannelInvalid, "the channel name %s has %s at byte %d", quote(channel), character(channel[i]), i+1).
			WithHint(channelHint)
	}
	namespace, _, qualified := strings.Cut(channel, ":")
	if qualified && CheckNamespace(namespace) != nil {
		return fault.New(fault.ChannelInvalid, "the channel name %s begins with %s, which can't be a namespace",
			quote(channel), quote(namespace)).
			WithHint("a namespace is 1 to 63 of a-z, 0-9, \"-\" and \"_\"; put it before the first \":\", as in \"chat:room-1\"")
	}
	return nil
}

func isChannelByte(c byte) bool {
	switch c {
	case '.', '~', '@', '/', '+', '=', ':':
		return true
	}
	return isLabelByte(c) || 'A' <= c && c <= 'Z'
}

// NamespaceOf returns the namespace of a valid channel name: the part before the first ":"; for a name without one, the
// namespace of that very name where exists says that there is one, else DefaultNamespace. So "chat" and "chat:room-1" are
// together. That the namespace returned exists is for the caller to check.
func NamespaceOf(channel string, exists func(namespace string) bool) string {
	if namespace, _, qualified := strings.Cut(channel, ":"); qualified {
		return namespace
	}
	if exists(channel) {
		return channel
	}
	return DefaultNamespace
}
