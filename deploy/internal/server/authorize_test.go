package server_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"

	"weir/deploy/internal/server"
)

func TestAuthorize(t *testing.T) {
	const procedure = "/weir.v1.Test/Call"
	said := make(chan string, 1)
	hub := httptest.NewServer(connect.NewUnaryHandler(procedure,
		func(_ context.Context, r *connect.Request[emptypb.Empty]) (*connect.Response[emptypb.Empty], error) {
			said <- r.Header().Get("Authorization")
			return connect.NewResponse(&emptypb.Empty{}), nil
		}))
	defer hub.Close()
	client := connect.NewClient[emptypb.Empty, emptypb.Empty](http.DefaultClient, hub.URL+procedure, server.Authorize("wk_a_b"))
	if _, err := client.CallUnary(t.Context(), connect.NewRequest(&emptypb.Empty{})); err != nil {
		t.Fatal(err)
	}
	if got := <-said; got != "Bearer wk_a_b" {
		t.Errorf("the call says %q", got)
	}
}
