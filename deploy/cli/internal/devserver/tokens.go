package devserver

import (
	"context"
	"time"

	"weir/edge/token"
)

// A minter makes the tokens that pages and tools get. They may do anything within the tenant.
type minter struct {
	key *token.PrivateKey
	ttl time.Duration
}

func (m *minter) mint(subject string, now time.Time) (string, error) {
	everything := []string{"*"}
	return token.Mint(&token.Claims{
		Tenant: Tenant, Subject: subject, IssuedAt: now, Expires: now.Add(m.ttl),
		Subscribe: everything, Publish: everything,
	}, m.key)
}

// renew calls replace with a new token when half of the time of the one before is over, until ctx ends.
func (m *minter) renew(ctx context.Context, subject string, replace func(string) error) error {
	ticker := time.NewTicker(m.ttl / 2)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			signed, err := m.mint(subject, now)
			if err != nil {
				return err
			}
			if err := replace(signed); err != nil {
				return err
			}
		}
	}
}
