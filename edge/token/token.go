// Package token mints and verifies the tokens with which a tenant's users open sessions: JSON Web Tokens (RFC 7519) that
// the tenant's own backend signs and that say which channels a user may subscribe and publish to.
//
// A token's header names the signing key ("kid"), and its algorithm must be that key's. Its claims are "iss", the tenant;
// "sub", the user; "exp", required; "nbf" and "iat", optional; and "weir":
//
//	{
//	  "subscribe": ["chat:*", "flights"],
//	  "publish": ["chat:room-1"],
//	  "pin": [{"channels": ["flights"], "filter": "viewport", "version": 0, "params": {"north": 60}}],
//	  "explain": true
//	}
//
// The lists hold patterns as package name has them: a channel, or a prefix that ends in "*". A pinned filter must let an
// event through before the subscription's own filters are asked: row-level security for a live stream.
package token

import (
	"encoding/json"
	"time"

	"weir/proto/name"
)

// Algorithms that signing keys may have (RFC 7518, section 3.1; RFC 8037, section 3.1).
const (
	HS256 = "HS256"
	ES256 = "ES256"
	EdDSA = "EdDSA"
)

// Bounds on what a token may claim. Every subscribe and publish walks the patterns, so their number is work that a
// user causes.
const (
	maxPatterns = 256 // in each list
	maxPins     = 16
	maxSubject  = 200 // bytes
	maxKeyID    = 128 // bytes
	maxParams   = 16 << 10
)

// Claims are what a token says.
type Claims struct {
	// Tenant is the claim "iss".
	Tenant string
	// Subject is the claim "sub": the user, as the tenant calls it.
	Subject string
	// KeyID names the signing key, the header's "kid".
	KeyID string
	// Expires is the claim "exp", to the second.
	Expires time.Time
	// NotBefore and IssuedAt are zero where the token does not have them.
	NotBefore, IssuedAt time.Time
	// Subscribe and Publish are patterns of the channels that the user may subscribe and publish to.
	Subscribe, Publish []string
	// Pinned filters are set upon the user's subscriptions.
	Pinned []Pin
	// Explain lets the user ask why a subscription got an event or did not. The answer shows pinned filters and their params.
	Explain bool
}

// A Pin is a filter that the token sets upon all subscriptions to some channels.
type Pin struct {
	// Channels are patterns.
	Channels []string `json:"channels"`
	Filter   string   `json:"filter"`
	// Version of the filter; 0 is the live one.
	Version uint32 `json:"version,omitempty"`
	// Params are what the filter's prepare function reads, a JSON value; may be empty.
	Params json.RawMessage `json:"params,omitempty"`
}

// CanSubscribe reports whether the user may subscribe to the channel, whose name must be valid.
func (c *Claims) CanSubscribe(channel string) bool { return name.MatchAny(c.Subscribe, channel) }

// CanPublish reports whether the user may publish to the channel, whose name must be valid.
func (c *Claims) CanPublish(channel string) bool { return name.MatchAny(c.Publish, channel) }

// Pins returns the filters that are pinned to the user's subscriptions to a channel, in the token's order: all of them
// must let an event through.
func (c *Claims) Pins(channel string) []Pin {
	var pins []Pin
	for _, pin := range c.Pinned {
		if name.MatchAny(pin.Channels, channel) {
			pins = append(pins, pin)
		}
	}
	return pins
}
