package link_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"weir/hub"
	"weir/hub/hubclient"
	"weir/hub/link"
	"weir/proto/fault"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

var _ link.Hub = (*hub.Hub)(nil)

// What an edge gets over the link from a real hub.
func TestWithARealHub(t *testing.T) {
	h, err := hub.Open(t.Context(), hub.Config{Dir: t.TempDir(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := h.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.CreateTenant(t.Context(), &weirpb.CreateTenantRequest{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	s := serve(t, h)
	client, err := hubclient.New(hubclient.Config{Addrs: []string{s.addr.String()}, TLS: s.edge, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })

	const n = 1000
	var events []*weirpb.Event
	followed := make(chan error, 1)
	following := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		followed <- client.Follow(ctx, "acme", "feed", nil, func(b *weirpb.FeedBatch) error {
			if b.GetChannel() != nil {
				close(following)
			}
			if events = append(events, b.GetEvents()...); len(events) == n {
				cancel()
			}
			return nil
		})
	}()
	<-following
	identity := producer.New(time.Now(), rand.Reader)
	receipts := make(chan *weirpb.Receipt, n)
	for i := range n {
		client.Publish("acme", &weirpb.Publication{
			Channel: "feed", Payload: fmt.Append(nil, i+1), Producer: identity, Sequence: uint64(i + 1),
		}, func(receipt *weirpb.Receipt, err error) {
			if err != nil {
				t.Error(err)
			}
			receipts <- receipt
		})
	}
	for range n {
		<-receipts
	}
	if err := <-followed; !errors.Is(err, context.Canceled) {
		t.Errorf("Follow: %v", err)
	}
	for i, e := range events {
		if e.GetOffset() != uint64(i+1) || string(e.GetPayload()) != fmt.Sprint(i+1) {
			t.Fatalf("event %d: %v", i+1, e)
		}
	}
	_, err = client.History(t.Context(), &weirpb.HistoryRequest{Tenant: "acme", Channel: "nope:a"})
	if fault.CodeOf(err) != fault.NamespaceUnknown {
		t.Errorf("History: %v", err)
	}
}
