package hubclient_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"weir/hub/hubclient"
	"weir/hub/internal/linktest"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

func TestEveryRequest(t *testing.T) {
	filter := bytes.Repeat([]byte("weir"), 1<<18) // 1 MiB: several chunks
	inRegion(t, &linktest.Hub{Filter: filter}, func(t *testing.T, r *region) {
		ctx := t.Context()
		receipt, err := publish(r.client, &weirpb.Publication{Channel: "chat", Payload: []byte("hello")})
		if err != nil || receipt.GetOffset() != 1 || receipt.GetEpoch() != linktest.Epoch {
			t.Errorf("Publish: %v, %v", receipt, err)
		}
		page, err := r.client.History(ctx, &weirpb.HistoryRequest{Channel: "chat", Limit: 10})
		if err != nil || len(page.GetEvents()) != 1 || string(page.GetEvents()[0].GetPayload()) != "hello" {
			t.Errorf("History: %v, %v", page, err)
		}
		digest := sha256.Sum256(filter)
		if module, err := r.client.Module(ctx, digest[:]); err != nil || !bytes.Equal(module, filter) {
			t.Errorf("Module: %d bytes, %v", len(module), err)
		}
		if err := r.client.EndCanary(ctx, "acme", "viewport", 2, 7); err != nil {
			t.Errorf("EndCanary: %v", err)
		}
		if err := r.client.EndCanary(ctx, "acme", "nope", 2, 7); fault.CodeOf(err) != fault.FilterUnknown {
			t.Errorf("EndCanary of a filter that is not there: %v", err)
		}
		if index, err := r.client.ControlIndex(ctx); err != nil || index != 1 {
			t.Errorf("ControlIndex: %d, %v", index, err)
		}
		enough := errors.New("enough")
		err = r.client.WatchControl(ctx, func(u *weirpb.ControlUpdate) error {
			if !u.GetReset_() || u.GetPut()[0].GetTenant().GetName() != "acme" {
				t.Errorf("WatchControl: %v", u)
			}
			return enough
		})
		if !errors.Is(err, enough) {
			t.Errorf("WatchControl: %v, want deliver's error", err)
		}
		err = r.client.Follow(ctx, "acme", "chat", &weirpb.Cursor{Epoch: linktest.Epoch}, func(b *weirpb.FeedBatch) error {
			if b.GetChannel().GetName() != "chat" || len(b.GetEvents()) != 1 {
				t.Errorf("Follow: %v", b)
			}
			return enough
		})
		if !errors.Is(err, enough) {
			t.Errorf("Follow: %v, want deliver's error", err)
		}
	})
}

func publish(c *hubclient.Client, p *weirpb.Publication) (*weirpb.Receipt, error) {
	type result struct {
		receipt *weirpb.Receipt
		err     error
	}
	done := make(chan result, 1)
	c.Publish("acme", p, func(receipt *weirpb.Receipt, err error) { done <- result{receipt, err} })
	r := <-done
	return r.receipt, r.err
}

func TestFaultsCrossTheLink(t *testing.T) {
	inRegion(t, &linktest.Hub{}, func(t *testing.T, r *region) {
		_, err := r.client.History(t.Context(), &weirpb.HistoryRequest{Channel: "nope"})
		if f := fault.From(err); f.Code != fault.NamespaceUnknown || f.Hint != "weir namespace create NAME" {
			t.Errorf("History: %v", err)
		}
		if _, err := r.client.Module(t.Context(), make([]byte, 32)); fault.CodeOf(err) != fault.FilterUnknown {
			t.Errorf("Module: %v", err)
		}
		_, err = publish(r.client, &weirpb.Publication{Channel: "chat", Producer: "p", Sequence: 2})
		if fault.CodeOf(err) != fault.SequenceGap {
			t.Errorf("Publish: %v", err)
		}
		for name, p := range map[string]*weirpb.Publication{
			"payload_too_large": {Channel: "chat", Payload: make([]byte, 1<<20)},
			"invalid_argument":  {Channel: "chat", Key: "\xff"},
		} {
			if _, err := publish(r.client, p); string(fault.CodeOf(err)) != name {
				t.Errorf("Publish: %v, want %s", err, name)
			}
		}
		if _, err := publish(r.client, nil); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("Publish(nil): %v", err)
		}
	})
}

func TestFollowEndsWithItsCaller(t *testing.T) {
	inRegion(t, &linktest.Hub{}, func(t *testing.T, r *region) {
		ctx, cancel := context.WithCancel(t.Context())
		err := r.client.Follow(ctx, "acme", "chat", nil, func(*weirpb.FeedBatch) error { cancel(); return nil })
		if !errors.Is(err, context.Canceled) || fault.CodeOf(err) != fault.Timeout {
			t.Errorf("Follow: %v", err)
		}
	})
}

func TestRequestsWaitForTheHubAWhile(t *testing.T) {
	inRegion(t, &linktest.Hub{}, func(t *testing.T, r *region) {
		if err := r.client.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.network.Cut(true)
		time.Sleep(15 * time.Second) // virtual: the connection is given up
		start := time.Now()
		_, err := r.client.History(t.Context(), &weirpb.HistoryRequest{Channel: "chat"})
		if fault.CodeOf(err) != fault.Unavailable || time.Since(start) > 10*time.Second {
			t.Errorf("History: %v after %v", err, time.Since(start))
		}
		r.network.Cut(false)
		if _, err := publish(r.client, &weirpb.Publication{Channel: "chat"}); err != nil {
			t.Errorf("Publish: %v", err)
		}
	})
}

// A publication whose answer is lost with the connection must not be sent twice, unless the hub recognises it.
func TestLostAnswers(t *testing.T) {
	h := &linktest.Hub{}
	inRegion(t, h, func(t *testing.T, r *region) {
		if err := r.client.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		results := make(chan string, 2)
		for _, p := range []*weirpb.Publication{
			{Channel: "chat", Key: "anonymous"}, {Channel: "chat", Key: "known", Producer: "p", Sequence: 1},
		} {
			r.client.Publish("acme", p, func(receipt *weirpb.Receipt, err error) {
				results <- fmt.Sprint(p.GetKey(), " ", fault.CodeOf(err), receipt.GetDuplicate())
			})
		}
		time.Sleep(linktest.Latency / 2) // virtual: both are on their way, and no answer is
		r.network.Cut(true)
		if got := <-results; got != "anonymous unavailablefalse" {
			t.Errorf("without a producer: %s", got)
		}
		r.network.Cut(false)
		if got := <-results; got != "known true" {
			t.Errorf("with a producer: %s", got)
		}
		if n := len(h.Events("chat")); n != 2 {
			t.Errorf("the hub has %d events, want 2", n)
		}
	})
}

func TestCloseAnswersEverything(t *testing.T) {
	inRegion(t, &linktest.Hub{}, func(t *testing.T, r *region) {
		if err := r.client.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.network.Cut(true)
		done := make(chan error, 10)
		for range cap(done) {
			r.client.Publish("acme", &weirpb.Publication{Channel: "chat"}, func(_ *weirpb.Receipt, err error) { done <- err })
		}
		if err := r.client.Close(); err != nil {
			t.Error(err)
		}
		for range cap(done) {
			if err := <-done; fault.CodeOf(err) != fault.Unavailable {
				t.Errorf("Publish: %v", err)
			}
		}
		if _, err := publish(r.client, &weirpb.Publication{}); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("Publish after Close: %v", err)
		}
		if err := r.client.Follow(t.Context(), "acme", "chat", nil, nil); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("Follow after Close: %v", err)
		}
	})
}

// slowHub answers publications a while later, from goroutines of its own.
type slowHub struct {
	linktest.Hub
	after time.Duration
}

func (h *slowHub) Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) {
	time.AfterFunc(h.after, func() { h.Hub.Publish(tenant, p, done) })
}

// A hub that is shut down in good order answers what it has accepted before it goes.
func TestShutdownAnswersWhatWasAccepted(t *testing.T) {
	h := &slowHub{after: time.Second}
	inRegion(t, h, func(t *testing.T, r *region) {
		if err := r.client.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 10)
		for range cap(done) {
			r.client.Publish("acme", &weirpb.Publication{Channel: "chat"}, func(_ *weirpb.Receipt, err error) { done <- err })
		}
		time.Sleep(500 * time.Millisecond) // virtual: the hub has them all
		r.shutdown(t)
		for range cap(done) {
			if err := <-done; err != nil {
				t.Errorf("Publish: %v", err)
			}
		}
		r.start(t)
	})
}

// A hub that never answers does not hold publishers for ever.
func TestPublicationsTimeOut(t *testing.T) {
	inRegion(t, &slowHub{after: time.Hour}, func(t *testing.T, r *region) {
		start := time.Now()
		_, err := publish(r.client, &weirpb.Publication{Channel: "chat"})
		if took := time.Since(start); fault.CodeOf(err) != fault.Timeout || took < timeout || took > timeout+2*time.Second {
			t.Errorf("Publish: %v after %v", err, took)
		}
	})
}
