package edgeclient

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

func TestExplainWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p := server.accept()
		expect(p, frame.Hello, new(weirpb.Hello))
		p.send(frame.Welcome, &weirpb.Welcome{Session: "s", Producer: "fresh", ServerTimeMs: time.Now().UnixMilli(), Explain: true})
		sub := subscribe(p, c, "chat", logKind, SubscribeOptions{})
		failed := make(chan error, 1)
		go func() {
			_, err := sub.Explain(t.Context(), Cursor{1, 7})
			failed <- err
		}()
		asked := expect(p, frame.Explain, new(weirpb.Explain))
		if asked.GetSubscription() != 1 || asked.GetEvent().GetOffset() != 7 || asked.GetRequest() == 0 {
			t.Errorf("asked %v", asked)
		}
		p.close()
		if err := <-failed; fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("after the session was lost: %v", err)
		}
		if _, err := sub.Explain(t.Context(), Cursor{1, 7}); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("without a session: %v", err)
		}
	})
}

func TestExplainIsAskedOnlyWhereItIsOffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer(t)
		c := server.client(Config{})
		p, _ := server.welcome()
		sub := subscribe(p, c, "chat", logKind, SubscribeOptions{})
		var f *fault.Fault
		if _, err := sub.Explain(t.Context(), Cursor{1, 7}); !errors.As(err, &f) || f.Code != fault.PermissionDenied || f.Hint == "" {
			t.Errorf("an older server: %v", err)
		}
	})
}
