package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// closedLoop has l.Publishers publish l.Events events, each one at a time, and says how fast that went.
func closedLoop(ctx context.Context, l load, publish func(ctx context.Context, publisher int, payload []byte) error) (result, error) {
	each := l.Events / l.Publishers
	latencies := make([][]time.Duration, l.Publishers)
	failures := make([]error, l.Publishers)
	var all sync.WaitGroup
	start := time.Now()
	for p := range l.Publishers {
		all.Go(func() {
			payload := make([]byte, l.Payload)
			latencies[p] = make([]time.Duration, 0, each)
			for range each {
				begin := time.Now()
				if err := publish(ctx, p, payload); err != nil {
					failures[p] = fmt.Errorf("publisher %d: %w", p, err)
					return
				}
				latencies[p] = append(latencies[p], time.Since(begin))
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	for _, err := range failures {
		if err != nil {
			return result{}, err
		}
	}
	sorted := slices.Concat(latencies...)
	slices.Sort(sorted)
	return result{
		EventsPerSecond: float64(len(sorted)) / took.Seconds(),
		P50Micros:       micros(sorted[len(sorted)/2]),
		P99Micros:       micros(sorted[len(sorted)*99/100]),
	}, nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
