package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"weir/deploy/internal/region"
	process "weir/deploy/internal/server"
	"weir/edge/edgeclient"
	"weir/edge/token"
	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

// moments is how often something is made and used.
const moments = 50

// TestWhatWasMadeAMomentAgoIsKnown makes keys and namespaces at one node of three, and uses them at once at the next one and at an
// edge, which hear of them later. Nothing may be refused.
func TestWhatWasMadeAMomentAgoIsKnown(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := region.Start(ctx, region.Config{Binary: binary, Dir: t.TempDir(), Nodes: 3, Edges: 1, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	var slowest time.Duration
	for i := range moments {
		began := time.Now()
		if err := useAtOnce(ctx, r, i); err != nil {
			t.Fatalf("moment %d: %v\n%s", i, err, r.Logs())
		}
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("the slowest of %d took %v", moments, slowest)
}

// useAtOnce makes a signing key, a namespace and an API key at a node, subscribes and publishes at the edge with a token of the key,
// and reads what was published at another node with the API key.
func useAtOnce(ctx context.Context, r *region.Region, i int) error {
	maker, other := r.Nodes[i%len(r.Nodes)], r.Nodes[(i+1)%len(r.Nodes)]
	operator := process.Authorize(r.Key)
	keys := weirpbconnect.NewKeyServiceClient(http.DefaultClient, maker.API, operator)
	signing, err := keys.CreateSigningKey(ctx, &weirpb.CreateSigningKeyRequest{Tenant: region.Tenant, Algorithm: token.EdDSA})
	if err != nil {
		return err
	}
	user, err := mintFor(signing.GetPrivateJwk())
	if err != nil {
		return err
	}
	client, err := edgeclient.Dial(ctx, edgeclient.Config{
		URL: r.Edges[0].URL, Token: user, Insecure: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return fmt.Errorf("connect with a token of the new key: %w", err)
	}
	defer client.Close()
	namespaces := weirpbconnect.NewNamespaceServiceClient(http.DefaultClient, maker.API, operator)
	name := fmt.Sprint("moment-", i)
	if _, err := namespaces.PutNamespace(ctx, &weirpb.PutNamespaceRequest{
		Namespace: &weirpb.Namespace{Tenant: region.Tenant, Name: name}, Create: true,
	}); err != nil {
		return err
	}
	sub, err := client.Subscribe(ctx, name+":a", edgeclient.SubscribeOptions{})
	if err != nil {
		return fmt.Errorf("subscribe in the new namespace: %w", err)
	}
	defer sub.Close()
	if _, err := client.Publish(ctx, edgeclient.Publication{Channel: name + ":a", Payload: []byte("now")}); err != nil {
		return fmt.Errorf("publish in the new namespace: %w", err)
	}
	api, err := keys.CreateApiKey(ctx, &weirpb.CreateApiKeyRequest{Tenant: region.Tenant})
	if err != nil {
		return err
	}
	events := weirpbconnect.NewEventServiceClient(http.DefaultClient, other.API, process.Authorize(api.GetSecret()))
	page, err := events.History(ctx, &weirpb.HistoryRequest{Channel: name + ":a"})
	if err != nil || len(page.GetEvents()) != 1 {
		return fmt.Errorf("read with the new API key: %v, %w", page, err)
	}
	return nil
}

// mintFor mints a token of a user who may do everything for an hour.
func mintFor(privateJwk string) (string, error) {
	key, err := token.ParseJWK([]byte(privateJwk))
	if err != nil {
		return "", err
	}
	return token.Mint(&token.Claims{
		Tenant: region.Tenant, Subject: "ann", Expires: time.Now().Add(time.Hour), Subscribe: []string{"*"}, Publish: []string{"*"},
	}, key)
}
