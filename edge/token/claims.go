package token

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"weir/proto/name"
)

// wireClaims is the JSON form of Claims.
type wireClaims struct {
	jwt.RegisteredClaims
	Weir wireCapabilities `json:"weir"`
}

type wireCapabilities struct {
	Subscribe []string `json:"subscribe,omitempty"`
	Publish   []string `json:"publish,omitempty"`
	Pin       []Pin    `json:"pin,omitempty"`
	Explain   bool     `json:"explain,omitempty"`
}

func (c *Claims) wire() *wireClaims {
	w := &wireClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: c.Tenant, Subject: c.Subject, ExpiresAt: jwt.NewNumericDate(c.Expires),
		},
		Weir: wireCapabilities{Subscribe: c.Subscribe, Publish: c.Publish, Pin: c.Pinned, Explain: c.Explain},
	}
	if !c.NotBefore.IsZero() {
		w.NotBefore = jwt.NewNumericDate(c.NotBefore)
	}
	if !c.IssuedAt.IsZero() {
		w.IssuedAt = jwt.NewNumericDate(c.IssuedAt)
	}
	return w
}

func (w *wireClaims) claims(keyID string) *Claims {
	c := &Claims{
		Tenant: w.Issuer, Subject: w.Subject, KeyID: keyID, Expires: w.ExpiresAt.Time,
		Subscribe: w.Weir.Subscribe, Publish: w.Weir.Publish, Pinned: w.Weir.Pin, Explain: w.Weir.Explain,
	}
	if w.NotBefore != nil {
		c.NotBefore = w.NotBefore.Time
	}
	if w.IssuedAt != nil {
		c.IssuedAt = w.IssuedAt.Time
	}
	return c
}

// check reports what is wrong with claims, other than times, that a signing key vouches for or is about to. The errors
// are for the tenant's developers: they say where to look.
func (c *Claims) check() error {
	if err := name.CheckTenant(c.Tenant); err != nil {
		return fmt.Errorf("the claim \"iss\" is no tenant: %w", err)
	}
	switch {
	case c.Subject == "":
		return fmt.Errorf("the claim \"sub\" is missing: it says which user the token is for")
	case len(c.Subject) > maxSubject || !utf8.ValidString(c.Subject):
		return fmt.Errorf("the claim \"sub\" is longer than %d bytes or not UTF-8", maxSubject)
	case len(c.Pinned) > maxPins:
		return fmt.Errorf("\"weir.pin\" has %d entries, at most %d are allowed", len(c.Pinned), maxPins)
	}
	if err := checkPatterns("weir.subscribe", c.Subscribe); err != nil {
		return err
	}
	if err := checkPatterns("weir.publish", c.Publish); err != nil {
		return err
	}
	for i, pin := range c.Pinned {
		if err := pin.check(fmt.Sprintf("weir.pin[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pin) check(where string) error {
	if len(p.Channels) == 0 {
		return fmt.Errorf("%q has no channels: it would pin nothing", where)
	}
	if err := checkPatterns(where+".channels", p.Channels); err != nil {
		return err
	}
	if err := name.CheckFilter(p.Filter); err != nil {
		return fmt.Errorf("%q: %w", where+".filter", err)
	}
	if len(p.Params) > maxParams {
		return fmt.Errorf("%q has %d bytes, at most %d are allowed", where+".params", len(p.Params), maxParams)
	}
	if len(p.Params) > 0 && !json.Valid(p.Params) {
		return fmt.Errorf("%q is not JSON", where+".params")
	}
	return nil
}

func checkPatterns(where string, patterns []string) error {
	if len(patterns) > maxPatterns {
		return fmt.Errorf("%q has %d patterns, at most %d are allowed", where, len(patterns), maxPatterns)
	}
	for i, pattern := range patterns {
		if err := name.CheckPattern(pattern); err != nil {
			return fmt.Errorf("%q, pattern %d: %w", where, i+1, err)
		}
	}
	return nil
}
