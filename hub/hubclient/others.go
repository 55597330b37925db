package hubclient

import (
	"context"
	"sync"

	"google.golang.org/protobuf/proto"
)

// AskOthers asks all nodes of the region but the one of this process for their own answers to a call, at once, for as long as ctx
// allows. take is given what comes, one answer at a time. It returns how many did not answer, those included to which there
// is no connection. Only hubs may.
func (c *Client) AskOthers(ctx context.Context, procedure string, request proto.Message, take func(response []byte) error) (silent int) {
	encoded, err := proto.Marshal(request)
	if err != nil {
		return c.others()
	}
	var asking sync.WaitGroup
	var mu sync.Mutex
	answered := 0
	for _, s := range c.all() {
		if s.local != nil {
			continue
		}
		asking.Go(func() {
			response, err := s.call(ctx, procedure, encoded)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && take(response) == nil {
				answered++
			}
		})
	}
	asking.Wait()
	return max(0, c.others()-answered)
}

// others is how many nodes the region has besides this process's.
func (c *Client) others() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for node := range c.routes.Addresses() {
		if c.cfg.Local == nil || node != c.cfg.Local.Node {
			n++
		}
	}
	return n
}
