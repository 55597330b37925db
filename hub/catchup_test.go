package hub

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/hub/internal/apikey"
	"weir/hub/internal/placement"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// controlLeader waits until a node leads the control group, and returns it and another.
func (c *cluster) controlLeader() (leader, follower *Hub) {
	c.t.Helper()
	c.eventually("a leader of the control group", func() bool {
		leader, follower = nil, nil
		for _, h := range c.running() {
			if h.groups[placement.Control].lead.leads() {
				leader = h
			} else {
				follower = h
			}
		}
		return leader != nil && follower != nil
	})
	return leader, follower
}

// TestWhatWasAnsweredIsKnownEverywhere asks a follower for what its leader has answered a moment ago, each time before the
// follower can have heard of the commit.
func TestWhatWasAnsweredIsKnownEverywhere(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.startAll()
	c.withTenant()
	ctx := testContext(t)
	leader, follower := c.controlLeader()
	for i := range 50 {
		key, err := leader.CreateApiKey(ctx, &weirpb.CreateApiKeyRequest{Tenant: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		if who, err := follower.Authenticate(key.GetSecret()); err != nil || who.Tenant != "acme" {
			t.Fatalf("API key %d at a follower: %v, %v", i, who, err)
		}
		made, err := leader.CreateSigningKey(ctx, &weirpb.CreateSigningKeyRequest{Tenant: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		index, err := follower.ControlIndex(ctx)
		if err != nil || index < leader.control.State().Meta.GetIndex() {
			t.Fatalf("signing key %d: the follower is at %d, %v", i, index, err)
		}
		if follower.control.State().Tenants["acme"].SigningKeys[made.GetSigningKey().GetId()] == nil {
			t.Fatalf("signing key %d is not known at index %d", i, index)
		}
		if _, err := leader.RevokeApiKey(ctx, &weirpb.RevokeApiKeyRequest{Tenant: "acme", Id: key.GetApiKey().GetId()}); err != nil {
			t.Fatal(err)
		}
		if _, err := leader.RevokeSigningKey(ctx, &weirpb.RevokeSigningKeyRequest{Tenant: "acme", Id: made.GetSigningKey().GetId()}); err != nil {
			t.Fatal(err)
		}
	}
}

// countingTransport counts the questions for the index of the control state.
type countingTransport struct {
	Transport
	asked *atomic.Int64
}

func (c countingTransport) Call(ctx context.Context, node, method string, request []byte) ([]byte, error) {
	if method == methodControl {
		c.asked.Add(1)
	}
	return c.Transport.Call(ctx, node, method, request)
}

// startCounting starts a node that counts the questions that it asks.
func (c *cluster) startCounting(name string, asked *atomic.Int64) {
	c.t.Helper()
	cfg := c.config(name)
	connect := cfg.Connect
	cfg.Connect = func(address func(string) (string, bool)) (Transport, error) {
		transport, err := connect(address)
		return countingTransport{transport, asked}, err
	}
	h, err := Open(context.Background(), cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	c.set(name, h)
}

// TestStormOfUnknownKeysCostsFewQuestions has many callers try keys that there are not.
func TestStormOfUnknownKeysCostsFewQuestions(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	var asked atomic.Int64
	for _, p := range c.peers {
		c.startCounting(p.ID, &asked)
	}
	c.ready()
	c.withTenant()
	ctx := testContext(t)
	leader, follower := c.controlLeader()
	key, err := leader.CreateApiKey(ctx, &weirpb.CreateApiKeyRequest{Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := follower.Authenticate(key.GetSecret()); err != nil {
		t.Fatal(err)
	}
	asked.Store(0)
	known, err := apikey.Parse(key.GetSecret())
	if err != nil {
		t.Fatal(err)
	}
	known.Secret = apikey.New().Secret
	if _, err := follower.Authenticate(known.String()); fault.CodeOf(err) != fault.Unauthenticated || asked.Load() != 0 {
		t.Errorf("a wrong secret: %v after %d questions", err, asked.Load())
	}
	began := time.Now()
	var trying sync.WaitGroup
	for range 500 {
		trying.Go(func() {
			for range 4 {
				if _, err := follower.Authenticate(apikey.New().String()); fault.CodeOf(err) != fault.Unauthenticated {
					t.Errorf("an unknown key: %v", err)
				}
			}
		})
	}
	trying.Wait()
	if n, most := asked.Load(), int64(time.Since(began)/catchUpPause)+2; n > most {
		t.Errorf("2,000 unknown keys cost %d questions, at most %d are allowed in that time", n, most)
	}
	if key, err = leader.CreateApiKey(ctx, &weirpb.CreateApiKeyRequest{Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	for range maxUnsure {
		follower.catching.unsure <- struct{}{}
	}
	if _, err := follower.Authenticate(apikey.New().String()); fault.CodeOf(err) != fault.Busy {
		t.Errorf("beyond the bound: %v", err)
	}
	for range maxUnsure {
		<-follower.catching.unsure
	}
	if _, err := follower.Authenticate(key.GetSecret()); err != nil {
		t.Errorf("a new key after the storm: %v", err)
	}
}

// TestCutOffNodeDoesNotRefuseForGood asks a node that can't tell what its region knows.
func TestCutOffNodeDoesNotRefuseForGood(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.startAll()
	c.withTenant()
	_, follower := c.controlLeader()
	alone := follower.node.Name
	c.net.Part([]string{alone}, others(c, alone))
	if _, err := follower.ControlIndex(testContext(t)); fault.CodeOf(err) != fault.Unavailable || fault.From(err).Hint == "" {
		t.Errorf("the index: %v", err)
	}
	if _, err := follower.Authenticate(apikey.New().String()); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("an unknown API key: %v", err)
	}
}
