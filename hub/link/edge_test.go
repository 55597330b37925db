package link_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/hub/hubclient"
	"weir/hub/internal/linktest"
	"weir/hub/internal/linkwire"
	"weir/hub/internal/metricstest"
	"weir/proto/frame"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

func encode(t *testing.T, kind frame.Type, m proto.Message) []byte {
	t.Helper()
	b, err := frame.Append(nil, kind, m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Whoever breaks the protocol loses the connection, and the log gets one line however often it is broken.
func TestViolationsCloseTheConnection(t *testing.T) {
	hello := encode(t, linkwire.Hello, &linkpb.Hello{Agent: "test"})
	for name, streams := range map[string][][]byte{
		"noise":                   {[]byte("GET / HTTP/1.1\r\n\r\n")},
		"unknown frame":           {{0x3f, 0}},
		"a client session":        {encode(t, frame.Hello, &weirpb.Hello{})},
		"a hub's frame":           {encode(t, linkwire.Feed, &weirpb.FeedBatch{})},
		"too long":                {{byte(linkwire.Follow), 0x80, 0xff, 0xff, 0xff}},
		"no message":              {{byte(linkwire.Follow), 1, 0xff}},
		"HELLO is noise":          {{byte(linkwire.Hello), 1, 0xff}},
		"PUBLISH first":           {encode(t, linkwire.Publish, &linkpb.Publish{})},
		"no publication":          {slices.Concat(hello, encode(t, linkwire.Publish, &linkpb.Publish{Id: 1}))},
		"publication too long":    {slices.Concat(hello, []byte{byte(linkwire.Publish), 0x80, 0xff, 0xff, 0xff})},
		"FOLLOW among PUBLISH":    {slices.Concat(hello, encode(t, linkwire.Follow, &linkpb.Follow{}))},
		"HELLO twice":             {hello, hello},
		"noise on many streams":   slices.Repeat([][]byte{{0x3f, 0}}, 50),
		"HELLO twice on a stream": {slices.Concat(hello, hello)},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, &linktest.Hub{})
			conn, err := s.dial(t, s.edge)
			if err != nil {
				t.Fatal(err)
			}
			for _, bytes := range streams {
				stream, err := conn.OpenStream()
				if err != nil {
					break // it is closed already
				}
				if _, err := stream.Write(bytes); err != nil {
					break
				}
			}
			if code := closedWith(t, conn); code != linkwire.CodeViolation {
				t.Errorf("closed with %d", code)
			}
			if log := s.log.String(); strings.Count(log, "breaks the protocol") != 1 {
				t.Errorf("log: %s", log)
			}
		})
	}
}

func TestMetricsAreThoseOfTheList(t *testing.T) {
	s := serve(t, &linktest.Hub{})
	client, err := hubclient.New(hubclient.Config{Addrs: []string{s.addr.String()}, TLS: s.edge, Registerer: s.registry})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	done := make(chan error, 1)
	client.Publish("acme", &weirpb.Publication{Channel: "chat"}, func(_ *weirpb.Receipt, err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := client.History(t.Context(), &weirpb.HistoryRequest{Channel: "chat", Limit: 1}); err != nil {
		t.Fatal(err)
	}
	metricstest.Listed(t, s.registry)
}
