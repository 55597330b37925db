package hub

import (
	"fmt"
	"testing"

	"weir/proto/weirpb"
)

func TestPublishedEventsCanBeRead(t *testing.T) {
	h := withTenant(t, Config{})
	for i := range 5 {
		r := mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Payload: fmt.Appendf(nil, "%d", i)})
		if r.GetOffset() != uint64(i+1) || r.GetEpoch() == 0 || r.GetTimeMs() == 0 || r.GetDuplicate() {
			t.Fatalf("publication %d: %v", i, r)
		}
	}
	page, err := h.History(testContext(t), &weirpb.HistoryRequest{Tenant: "acme", Channel: "chat:a", Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.GetEvents()) != 3 || !page.GetMore() || page.GetGap() != nil || page.GetChannel().GetNextOffset() != 6 {
		t.Fatalf("the first page is %v", page)
	}
	page, err = h.History(testContext(t), &weirpb.HistoryRequest{
		Tenant: "acme", Channel: "chat:a", After: &weirpb.Cursor{Offset: 3},
	})
	if err != nil || len(page.GetEvents()) != 2 || page.GetMore() || string(page.GetEvents()[1].GetPayload()) != "4" {
		t.Fatalf("the second page is %v, %v", page, err)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	h := withTenant(t, Config{Dir: dir})
	first := mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Payload: []byte("x")})
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h = openHub(t, Config{Dir: dir})
	second := mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Payload: []byte("y")})
	if second.GetOffset() != 2 || second.GetEpoch() != first.GetEpoch() {
		t.Fatalf("after the restart: %v, before: %v", second, first)
	}
}
