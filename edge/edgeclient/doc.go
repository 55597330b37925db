// Package edgeclient is the Go client of weir: it subscribes and publishes at an edge, over WebTransport or WebSocket, and
// keeps doing so across lost connections, restarts of edges and expiring tokens.
//
//	client, err := edgeclient.Dial(ctx, edgeclient.Config{URL: "https://relay.example", Token: token})
//	sub, err := client.Subscribe(ctx, "flights", edgeclient.SubscribeOptions{
//		Filters: []edgeclient.Filter{{Name: "viewport", Params: []byte(`{"west":5,"south":45,"east":10,"north":48}`)}},
//	})
//	for message, err := range sub.Messages(ctx) {
//		...
//	}
//	receipt, err := client.Publish(ctx, edgeclient.Publication{Channel: "chat:room-1", Payload: []byte("hello")})
//
// A subscription delivers every event that its filters let through once and in order, or says with a Gap what it could
// not get. On a state channel it also holds the view: the keys that match. A publication is accepted once, or fails with
// an error that says so; where nobody can tell any more, the error says that.
//
// Errors that come from the relay are or wrap *fault.Fault of weir/proto/fault.
package edgeclient
