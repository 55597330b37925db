package edgeclient

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// plan says how a transport behaves when dialled.
type plan struct {
	after time.Duration
	err   error
	hang  bool // until its context ends
}

func (p plan) dial(ctx context.Context, transport string, opened *[]*fakeLink, mu *sync.Mutex) (link, error) {
	if p.hang {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	time.Sleep(p.after) // even if ctx ends: the link then comes too late
	if p.err != nil {
		return nil, p.err
	}
	l := newFakeLink(transport)
	mu.Lock()
	*opened = append(*opened, l)
	mu.Unlock()
	return l, nil
}

func TestRace(t *testing.T) {
	blocked, down := errors.New("UDP is blocked"), errors.New("the edge is down")
	tests := map[string]struct {
		web, socket plan
		winner      string
		after       time.Duration
		err         error
	}{
		"the first stands":         {plan{}, plan{}, WebTransport, 0, nil},
		"the first is slow":        {plan{after: 600 * time.Millisecond}, plan{}, WebSocket, raceDelay, nil},
		"the first just makes it":  {plan{after: 600 * time.Millisecond}, plan{after: time.Second}, WebTransport, 600 * time.Millisecond, nil},
		"the first fails at once":  {plan{err: blocked}, plan{after: 10 * time.Millisecond}, WebSocket, 10 * time.Millisecond, nil},
		"the first never answers":  {plan{hang: true}, plan{after: time.Second}, WebSocket, raceDelay + time.Second, nil},
		"both fail":                {plan{err: blocked}, plan{err: down}, "", 0, down},
		"neither answers":          {plan{hang: true}, plan{hang: true}, "", dialTimeout, nil},
		"the first fails late":     {plan{after: time.Second, err: blocked}, plan{after: time.Second}, WebSocket, raceDelay + time.Second, nil},
		"the second fails earlier": {plan{after: time.Second}, plan{err: down}, WebTransport, time.Second, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var opened []*fakeLink
				var losers sync.WaitGroup
				began := time.Now()
				l, err := race(context.Background(), []string{WebTransport, WebSocket}, func(ctx context.Context, transport string) (link, error) {
					if transport == WebTransport {
						return test.web.dial(ctx, transport, &opened, &mu)
					}
					return test.socket.dial(ctx, transport, &opened, &mu)
				}, &losers)
				if took := time.Since(began); took != test.after {
					t.Errorf("took %s, want %s", took, test.after)
				}
				losers.Wait()
				if test.winner == "" {
					if err == nil || test.err != nil && !errors.Is(err, test.err) {
						t.Errorf("error %v, want %v", err, test.err)
					}
					return
				}
				if err != nil || l.transport() != test.winner {
					t.Fatalf("winner %v, %v, want %s", l, err, test.winner)
				}
				for _, other := range opened {
					select {
					case <-other.closed:
						if other == l {
							t.Error("the winner is closed")
						}
					default:
						if other != l {
							t.Error("a loser is left open")
						}
					}
				}
			})
		})
	}
}

// The transport that won is tried first, for a while.
func TestWinnerIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var dialled []string
		server := newFakeServer(t)
		server.fail = func(transport string) error {
			mu.Lock()
			defer mu.Unlock()
			dialled = append(dialled, transport)
			if transport == WebTransport {
				return errors.New("UDP is blocked")
			}
			return nil
		}
		server.client(Config{})
		p, _ := server.welcome()
		p.close()
		p, _ = server.welcome()
		synctest.Wait()
		alive(t, p)
		time.Sleep(preferenceTime + time.Second)
		p.close()
		server.welcome()
		mu.Lock()
		defer mu.Unlock()
		if want := []string{WebTransport, WebSocket, WebSocket, WebTransport, WebSocket}; !slices.Equal(dialled, want) {
			t.Errorf("dialled %v, want %v", dialled, want)
		}
	})
}
