package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"weir/hub/api"
	"weir/hub/api/apifault"
	"weir/proto/fault"
	"weir/proto/producer"
	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

func TestPublishWithCurl(t *testing.T) {
	s := serve(t, &fakeHub{})
	tests := []struct {
		body, payload, contentType string
	}{
		{`{"event": {"channel": "chat"}, "text": "hello"}`, "hello", "text/plain; charset=utf-8"},
		{`{"event": {"channel": "chat"}, "json": {"b": [1, "<&>"], "a": null}}`, `{"a":null,"b":[1,"<&>"]}`, "application/json"},
		{`{"event": {"channel": "chat"}, "json": null}`, "null", "application/json"},
		{`{"event": {"channel": "chat", "contentType": "x/y"}, "json": 1.5}`, "1.5", "x/y"},
		{`{"event": {"channel": "chat", "payload": "aGk="}}`, "hi", ""},
		{`{"event": {"channel": "chat", "key": "k", "tombstone": true}}`, "", ""},
	}
	for i, tt := range tests {
		a := s.post(t, "EventService/Publish", acmeKey, tt.body)
		if want := fmt.Sprintf(`"offset":"%d"`, i+1); a.status != http.StatusOK || !strings.Contains(strings.ReplaceAll(a.body, " ", ""), want) {
			t.Errorf("%s: %d %s", tt.body, a.status, a.body)
			continue
		}
		p := s.hub.published[i]
		if string(p.GetPayload()) != tt.payload || p.GetContentType() != tt.contentType {
			t.Errorf("%s published %q as %q", tt.body, p.GetPayload(), p.GetContentType())
		}
	}
}

func TestPublishRefuses(t *testing.T) {
	s := serve(t, &fakeHub{})
	for _, body := range []string{
		`{}`,
		`{"text": "hello"}`,
		`{"event": {"channel": "chat", "payload": "aGk="}, "text": "hello"}`,
		`{"event": {"channel": "chat"}, "text": "hello", "json": {}}`,
	} {
		if a := s.post(t, "EventService/Publish", acmeKey, body); a.fault() != "invalid_argument" || a.Details[0].Debug.Hint == "" {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if len(s.hub.published) > 0 {
		t.Error("something was published")
	}
}

func TestPublishManyKeepsOrderAndTellsOutcomesApart(t *testing.T) {
	var (
		mu    sync.Mutex
		order []string
		dones []func(*weirpb.Receipt, error)
	)
	const n = 1000
	h := &fakeHub{publish: func(_ string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, p.GetKey())
		if dones = append(dones, done); len(dones) < n {
			return // nothing is answered before all are there: they must not wait for each other
		}
		for i := n - 1; i >= 0; i-- {
			if i%3 == 0 {
				dones[i](nil, fault.New(fault.KeyInvalid, "no").WithHint("none"))
			} else {
				dones[i](&weirpb.Receipt{Offset: uint64(i)}, nil)
			}
		}
	}}
	s := serve(t, h)
	request := &weirpb.PublishManyRequest{}
	for i := range n {
		request.Events = append(request.Events, &weirpb.Publication{Channel: "chat", Key: fmt.Sprint(i)})
	}
	for name, options := range map[string][]connect.ClientOption{
		"connect": nil, "json": {connect.WithProtoJSON()}, "grpc": {connect.WithGRPC()}, "grpc-web": {connect.WithGRPCWeb()},
		"gzip": {connect.WithSendGzip()},
	} {
		order, dones = nil, nil
		response, err := weirpbconnect.NewEventServiceClient(authorized{s.Client()}, s.URL, options...).PublishMany(t.Context(), request)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(order) != n || len(response.GetOutcomes()) != n {
			t.Fatalf("%s: %d handed over, %d outcomes", name, len(order), len(response.GetOutcomes()))
		}
		for i, o := range response.GetOutcomes() {
			if order[i] != fmt.Sprint(i) {
				t.Fatalf("%s: %d-th is %s", name, i, order[i])
			}
			if refused := o.GetFault().GetCode() == "key_invalid"; refused != (i%3 == 0) || !refused && o.GetReceipt().GetOffset() != uint64(i) {
				t.Fatalf("%s: outcome %d is %v", name, i, o)
			}
		}
	}
}

// authorized sends the tenant's key.
type authorized struct{ client *http.Client }

func (a authorized) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set("Authorization", "Bearer "+acmeKey)
	return a.client.Do(r)
}

func TestPublishManyBounds(t *testing.T) {
	s := serve(t, &fakeHub{})
	client := weirpbconnect.NewEventServiceClient(authorized{s.Client()}, s.URL)
	for _, n := range []int{0, 1001} {
		_, err := client.PublishMany(t.Context(), &weirpb.PublishManyRequest{Events: make([]*weirpb.Publication, n)})
		if apifault.Decode(err).Code != fault.InvalidArgument {
			t.Errorf("%d events: %v", n, err)
		}
	}
	if len(s.hub.published) > 0 {
		t.Error("something was published")
	}
}

// The caller's own deadline ends the wait for a hub that does not answer, and what has been answered is told.
func TestPublishManyTimesOut(t *testing.T) {
	h := &fakeHub{publish: func(_ string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) {
		if p.GetKey() == "answered" {
			done(&weirpb.Receipt{Offset: 5}, nil)
		}
	}}
	s := serve(t, h, func(cfg *api.Config) { cfg.Timeout = 50 * time.Millisecond })
	client := weirpbconnect.NewEventServiceClient(authorized{s.Client()}, s.URL)
	response, err := client.PublishMany(t.Context(), &weirpb.PublishManyRequest{Events: []*weirpb.Publication{
		{Channel: "chat", Key: "answered"}, {Channel: "chat"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if o := response.GetOutcomes(); o[0].GetReceipt().GetOffset() != 5 || o[1].GetFault().GetCode() != "timeout" {
		t.Errorf("outcomes: %v", o)
	}
	_, err = client.Publish(t.Context(), &weirpb.PublishRequest{Event: &weirpb.Publication{Channel: "chat"}})
	if apifault.Decode(err).Code != fault.Timeout {
		t.Errorf("Publish: %v", err)
	}
}

func TestFaultsReachEveryProtocol(t *testing.T) {
	want := fault.New(fault.NamespaceUnknown, `there is no namespace "nope"`).WithHint("weir namespace create nope")
	h := &fakeHub{history: func(context.Context, *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error) {
		return nil, fmt.Errorf("history: %w", want)
	}}
	s := serve(t, h)
	for name, options := range map[string][]connect.ClientOption{
		"connect": nil, "get": {connect.WithHTTPGet()}, "grpc": {connect.WithGRPC()}, "grpc-web": {connect.WithGRPCWeb()},
	} {
		_, err := weirpbconnect.NewEventServiceClient(authorized{s.Client()}, s.URL, options...).History(t.Context(), &weirpb.HistoryRequest{})
		if got := apifault.Decode(err); !proto.Equal(got.ToProto(), want.ToProto()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	a := s.post(t, "EventService/History", acmeKey, `{}`)
	if a.status != http.StatusNotFound || a.Message != `there is no namespace "nope" (weir namespace create nope)` {
		t.Errorf("curl sees %d %s", a.status, a.body)
	}
}

func TestOpenProducer(t *testing.T) {
	s := serve(t, &fakeHub{})
	client := weirpbconnect.NewEventServiceClient(authorized{s.Client()}, s.URL)
	response, err := client.OpenProducer(t.Context(), &weirpb.OpenProducerRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := producer.Parse(response.GetProducer()); err != nil {
		t.Error(err)
	}
}
