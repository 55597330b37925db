package sieve

import (
	"context"
	"time"
)

// Interest returns the routing keys that a group with these prepared params wants. A filter without routes tells none.
func (s *Sieve) Interest(ctx context.Context, prepared []byte) ([]uint64, error) {
	if !s.Routes {
		return nil, nil
	}
	start := time.Now()
	keys, err := s.module.Interest(ctx, prepared, nil)
	s.seconds.Add(time.Since(start).Seconds())
	return keys, err
}
