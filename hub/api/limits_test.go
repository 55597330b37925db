package api_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"weir/hub/api/apifault"
	"weir/proto/fault"
	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

// endless counts what is read of a body that never ends.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestLongRequestsAreNotRead(t *testing.T) {
	s := serve(t, &fakeHub{})
	for method, want := range map[string]string{
		"FilterService/UploadFilter": "module_too_large",
		"FilterService/PushFilter":   "module_too_large",
		"EventService/Publish":       "payload_too_large",
		"EventService/PublishMany":   "payload_too_large",
		"EventService/History":       "invalid_argument",
	} {
		for _, contentType := range []string{"application/json", "application/proto"} {
			body := &endless{}
			const announced = 64 << 20
			a := s.do(t, http.MethodPost, method, acmeKey, contentType, io.LimitReader(body, announced))
			if a.fault() != want || a.status != http.StatusBadRequest {
				t.Errorf("%s: %d %s", method, a.status, a.body)
			}
			if body.read > 24<<20 {
				t.Errorf("%s: %d MiB were sent before the answer", method, body.read>>20)
			}
		}
	}
}

func TestAnnouncedLengthIsRefusedUnread(t *testing.T) {
	s := serve(t, &fakeHub{})
	body := bytes.NewReader(make([]byte, 200<<20))
	a := s.do(t, http.MethodPost, "FilterService/UploadFilter", acmeKey, "application/proto", body)
	if a.fault() != "module_too_large" || !strings.Contains(a.Message, "4 MiB") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestLargestModuleFits(t *testing.T) {
	s := serve(t, &fakeHub{})
	for name, options := range map[string][]connect.ClientOption{
		"proto": nil, "json": {connect.WithProtoJSON()}, "grpc": {connect.WithGRPC()}, "gzip": {connect.WithSendGzip()},
	} {
		client := weirpbconnect.NewFilterServiceClient(authorized{s.Client()}, s.URL, options...)
		_, err := client.UploadFilter(t.Context(), &weirpb.UploadFilterRequest{Name: "big", Module: make([]byte, 4<<20)})
		if err != nil || s.hub.uploaded != 4<<20 {
			t.Errorf("%s: %d bytes arrived, %v", name, s.hub.uploaded, err)
		}
	}
	for name, options := range map[string][]connect.ClientOption{"proto": nil, "grpc": {connect.WithGRPC()}, "grpc gzip": {connect.WithGRPC(), connect.WithSendGzip()}} {
		client := weirpbconnect.NewFilterServiceClient(authorized{s.Client()}, s.URL, options...)
		_, err := client.UploadFilter(t.Context(), &weirpb.UploadFilterRequest{Name: "big", Module: make([]byte, 12<<20)})
		if apifault.Decode(err).Code != fault.ModuleTooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCompressedRequestsAreBounded(t *testing.T) {
	s := serve(t, &fakeHub{})
	var small bytes.Buffer
	z := gzip.NewWriter(&small)
	if _, err := io.CopyN(z, &endless{}, 16<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+weirpbconnect.EventServicePublishProcedure, &small)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Content-Encoding", "gzip")
	response, err := authorized{s.Client()}.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(content), "payload_too_large") {
		t.Errorf("%s, %v", content, err)
	}
}

// Whoever is not let in has nothing of the body read, whatever is announced.
func TestUnauthenticatedBodiesAreNotRead(t *testing.T) {
	s := serve(t, &fakeHub{})
	body := &endless{}
	a := s.do(t, http.MethodPost, "FilterService/UploadFilter", "", "application/proto", io.LimitReader(body, 200<<20))
	if a.fault() != "unauthenticated" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if body.read > 4<<20 {
		t.Errorf("%d KiB were sent before the answer", body.read>>10)
	}
}
